package deps

import (
	"errors"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/cpp/conanlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dart/pubspec"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/csproj"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/depsjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/nugetcpm"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/packagesconfig"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/packageslockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/paketlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/projectassetsjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/erlang/mixlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gomod"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/vendormodules"
	"github.com/google/osv-scalibr/extractor/filesystem/language/haskell/cabal"
	"github.com/google/osv-scalibr/extractor/filesystem/language/haskell/stacklock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/gradlelockfile"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/gradleverificationmetadataxml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/gradleversioncatalog"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/pomxml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/bunlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/denojson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagejson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/julia/manifesttoml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pdmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pipfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/poetrylock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pylock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pyprojecttoml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/setup"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
	"github.com/google/osv-scalibr/extractor/filesystem/language/r/renvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/swift/packageresolved"
	"github.com/google/osv-scalibr/extractor/filesystem/language/swift/podfilelock"
)

// Limits of scalibr's archive reader. It holds every nested archive in memory
// at once, so these bound what one file can take of the child's memory.
const (
	maxArchiveBytes = 96 << 20
	maxArchiveDepth = 4
)

// extractors are scalibr's readers of lock files, manifests and Java and
// Python archives. Left out: readers of binaries (they need the executable bit
// and much time), of installed systems (opam, cpan, luarocks, nimble, conda
// environments: not in a source tree), of Deno imports in TypeScript sources,
// of files that name only the project itself (Julia's Project.toml, gemspecs,
// rockspecs), and of manifests whose constraints it takes for versions
// (Cargo.toml, paket.dependencies, gleam.toml): see manifests.
func extractors() ([]filesystem.Extractor, error) {
	cfg := &cpb.PluginConfig{PluginSpecific: []*cpb.PluginSpecificConfig{{
		Config: &cpb.PluginSpecificConfig_JavaArchive{JavaArchive: &cpb.JavaArchiveConfig{
			MaxZipDepth: maxArchiveDepth, MaxOpenedBytes: maxArchiveBytes,
		}},
	}}}
	var all []filesystem.Extractor
	var errs []error
	for _, make := range []func(*cpb.PluginConfig) (filesystem.Extractor, error){
		conanlock.New, pubspec.New,
		csproj.New, depsjson.New, nugetcpm.New, packagesconfig.New, packageslockjson.New,
		paketlock.New, projectassetsjson.New,
		mixlock.New, gomod.New, vendormodules.New, cabal.New, stacklock.New,
		archive.New, gradlelockfile.New, gradleverificationmetadataxml.New, gradleversioncatalog.New, pomxml.New,
		bunlock.New, denojson.New, packagejson.New, packagelockjson.New, pnpmlock.New, yarnlock.New,
		manifesttoml.New, composerlock.New,
		pdmlock.New, pipfilelock.New, poetrylock.New, pylock.New, pyprojecttoml.New, requirements.New,
		setup.New, uvlock.New, wheelegg.New,
		renvlock.New, gemfilelock.New, cargolock.New, packageresolved.New, podfilelock.New,
	} {
		e, err := make(cfg)
		all, errs = append(all, e), append(errs, err)
	}
	return all, errors.Join(errs...)
}
