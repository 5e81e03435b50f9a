package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/vitalsign-dev/vitalsign/checks"
)

const (
	documentID = common.ElementID("DOCUMENT")
	targetID   = common.ElementID("Target")
)

// SPDX writes the components of a run as SPDX 2.3 JSON
// (https://spdx.github.io/spdx-spec/v2.3/). A list that is not known to be
// whole has the relationship "Target DEPENDS_ON NOASSERTION" (section 11.1) and
// the reason in the creation comment (section 6.10). A step that did not finish
// gives ErrIncomplete and the document.
func SPDX(run checks.Run, o Options) ([]byte, error) {
	if run.Ended.IsZero() {
		return nil, ErrNoTime
	}
	known := completenessOf(run)
	about := subjectOf(run, o)
	doc := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: documentID,
		DocumentName: about.name, CreationInfo: creation(run, known),
		Packages:      []*v2_3.Package{target(about)},
		Relationships: []*v2_3.Relationship{relation(documentID, common.TypeRelationshipDescribe, targetID)},
	}
	for _, c := range checks.MergeComponents(run.Components) {
		p := spdxPackage(c)
		doc.Packages = append(doc.Packages, p)
		if c.Dev {
			doc.Relationships = append(doc.Relationships, relation(p.PackageSPDXIdentifier, common.TypeRelationshipDevDependencyOf, targetID))
			continue
		}
		doc.Relationships = append(doc.Relationships, relation(targetID, common.TypeRelationshipDependsOn, p.PackageSPDXIdentifier))
	}
	if !known.complete() {
		open := relation(targetID, common.TypeRelationshipDependsOn, "")
		open.RefB, open.RelationshipComment = common.MakeDocElementSpecial(noAssertion), known.words()
		doc.Relationships = append(doc.Relationships, open)
	}
	unnamed, err := encodeSPDX(doc)
	if err != nil {
		return nil, err
	}
	doc.DocumentNamespace = website + "/spdx/" + uuid(unnamed)
	document, err := encodeSPDX(doc)
	if err != nil {
		return nil, err
	}
	return document, known.err()
}

func encodeSPDX(doc *v2_3.Document) ([]byte, error) {
	var b bytes.Buffer
	err := spdxjson.Write(doc, &b, spdxjson.Indent("  "), spdxjson.EscapeHTML(false))
	return b.Bytes(), err
}

func creation(run checks.Run, known completeness) *v2_3.CreationInfo {
	c := &v2_3.CreationInfo{
		// Section 6.8: a tool is "name-version".
		Creators: []common.Creator{{CreatorType: "Tool", Creator: producer + "-" + run.Version}},
		Created:  run.Ended.UTC().Format(time.RFC3339),
	}
	c.CreatorComment = "Made from vitalsign run " + run.ID + "."
	if !known.complete() {
		c.CreatorComment += " " + known.words()
	}
	return c
}

// blank is a package of which nothing is asserted.
func blank(id common.ElementID, name, version string) *v2_3.Package {
	return &v2_3.Package{
		PackageSPDXIdentifier: id, PackageName: name, PackageVersion: version, PackageDownloadLocation: noAssertion,
		PackageSupplier:         &common.Supplier{Supplier: noAssertion},
		PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion, PackageCopyrightText: noAssertion,
	}
}

func target(about subject) *v2_3.Package {
	p := blank(targetID, about.name, about.version)
	p.PrimaryPackagePurpose, p.PackageDownloadLocation = "APPLICATION", about.download
	p.PackageExternalReferences = externalRefs(about.purl)
	return p
}

// spdxPackage is one component. Its id is a digest, because names may hold what
// an id may not (section 3.2: letters, digits, "." and "-").
func spdxPackage(c checks.Component) *v2_3.Package {
	sum := sha256.Sum256([]byte(refOf(c)))
	p := blank(common.ElementID("Package-"+hex.EncodeToString(sum[:16])), c.Name, c.Version)
	p.PrimaryPackagePurpose = "LIBRARY"
	p.PackageSourceInfo = "named by " + strings.Join(c.Locations, ", ")
	p.PackageExternalReferences = externalRefs(c.PURL)
	return p
}

func externalRefs(purl string) []*v2_3.PackageExternalReference {
	if purl == "" {
		return nil
	}
	return []*v2_3.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: purl}}
}

func relation(a common.ElementID, kind string, b common.ElementID) *v2_3.Relationship {
	return &v2_3.Relationship{RefA: common.MakeDocElementID("", string(a)), Relationship: kind, RefB: common.MakeDocElementID("", string(b))}
}
