package goscan

// ruleText is what gosec does not say about a rule.
type ruleText struct {
	// severity is that of most of the rule's issues, for rules that do not
	// carry one: those on data flow, and those whose issues differ.
	severity string
	help     string
}

// ruleTexts returns our words on each of gosec's rules.
func ruleTexts() map[string]ruleText {
	return map[string]ruleText{
		"G101": {"", "A credential in the source is known to everyone who can read the repository or the binary, for ever. Revoke it, and read its successor from the environment, a file or a secret store."},
		"G102": {"", "Listening on all interfaces exposes the service on networks it was not meant for. Name the address to listen on, or take it from the configuration."},
		"G103": {"", "Package unsafe steps around the type system and memory safety. Look for a safe way; if there is none, keep the use small and say why it is right."},
		"G104": {"", "An error that nobody looks at hides a failure, and what follows runs as if all were well. Handle it, or assign it to _ where it truly does not matter."},
		"G106": {"", "A host key that is not checked lets anyone in between pose as the server. Use a known_hosts file (golang.org/x/crypto/ssh/knownhosts) or a fixed key."},
		"G107": {"", "A request to a URL from outside can reach internal services. Check the host against a list of those allowed before the request."},
		"G108": {"", "Importing net/http/pprof registers profiles, which tell of the program's memory and code, on the default mux. Serve them on a separate address that only operators reach."},
		"G109": {"", "A number from strconv.Atoi may not fit into 16 or 32 bits, and then wraps around. Use strconv.ParseInt with the size wanted."},
		"G110": {"", "A small compressed input can decompress to fill memory or disk. Copy with io.CopyN or through an io.LimitReader."},
		"G111": {"", "Serving the root directory serves every file the process can read. Serve one directory made for it."},
		"G112": {"", "A server without ReadHeaderTimeout lets slow clients hold connections for ever. Set ReadHeaderTimeout or ReadTimeout."},
		"G113": {"HIGH", "Content-Length together with Transfer-Encoding, or a bare line feed as a line end, is read differently by different servers, so that a request can hide in another. Set one of the two headers, and end lines with CRLF."},
		"G114": {"", "http.ListenAndServe and its kin have no timeouts. Make an http.Server and set ReadHeaderTimeout, ReadTimeout and WriteTimeout."},
		"G115": {"HIGH", "The conversion to a smaller or differently signed type can change the value. Check that it is in range first."},
		"G116": {"", "Characters that change the direction of text make code read otherwise than it runs. Remove them, or write them as escapes."},
		"G117": {"", "A field that by its name holds a secret becomes part of the encoded data. Exclude it with the tag \"-\", or encode a type without it."},
		"G118": {"HIGH", "Work that does not heed its context goes on when nobody waits for it, and a cancel function that is never called leaks. Pass the context on, call cancel, and look at Done in loops."},
		"G119": {"HIGH", "Headers such as Authorization and Cookie that are copied to a redirected request can reach another host. Leave them to net/http, which drops them for other domains."},
		"G120": {"MEDIUM", "A form of any size is parsed into memory and temporary files. Wrap the body in http.MaxBytesReader first."},
		"G121": {"HIGH", "A bypass pattern that is too broad, or comes from the request, switches the protection against cross-origin requests off. Use fixed, exact patterns."},
		"G122": {"HIGH", "Between the walk's look at a path and its use, someone can put a symbolic link there. Use os.Root (Go 1.24) for the file operations."},
		"G123": {"HIGH", "VerifyPeerCertificate is not called when a TLS session is resumed. Use VerifyConnection, which is called always."},
		"G124": {"MEDIUM", "A cookie without Secure, HttpOnly and SameSite travels unencrypted, is open to scripts, or comes with requests from other sites. Set all three."},
		"G125": {"", "url.JoinPath takes its elements as paths: a \"..\" in one leads elsewhere. Escape each with url.PathEscape."},
		"G201": {"", "A query put together with a format string lets its values change the query. Pass them as parameters."},
		"G202": {"", "A query put together from strings lets its parts change the query. Pass values as parameters."},
		"G203": {"", "The type tells html/template not to escape the value, so that markup in it becomes part of the page. Pass a plain string."},
		"G204": {"", "A command with a variable in it runs what the variable says. Fix the program's name, check the arguments, and use no shell."},
		"G301": {"", "Others can look into the directory. Use 0750 or less."},
		"G302": {"", "Others can read or write the file. Use 0600 or less."},
		"G303": {"", "Someone who guesses the name can put a file or link there first. Use os.CreateTemp or os.MkdirTemp."},
		"G304": {"", "A path from outside can name any file. Open files through an os.Root (Go 1.24), or check the cleaned path against the directory meant."},
		"G305": {"", "An archive entry named with \"..\" or an absolute path is written outside of the target. Check names with filepath.IsLocal, or write through an os.Root."},
		"G306": {"", "Others can read the file that is written. Use 0600 or less."},
		"G307": {"", "os.Create makes a file that everyone may read and write, as far as the umask lets them. Use os.OpenFile with 0600."},
		"G401": {"", "MD5 and SHA-1 no longer resist collisions. Use SHA-256 or better, and a password hash for passwords."},
		"G402": {"HIGH", "The TLS settings switch off the check of certificates or allow old versions and ciphers. Keep the defaults of crypto/tls."},
		"G403": {"", "RSA keys under 2048 bits can be broken. Use 2048 or more, or an elliptic curve."},
		"G404": {"", "Numbers from math/rand can be predicted. Use crypto/rand for anything that must not be."},
		"G405": {"", "DES and RC4 can be broken. Use AES-GCM or ChaCha20-Poly1305."},
		"G406": {"", "MD4 and RIPEMD-160 are broken or aged. Use SHA-256 or better."},
		"G407": {"HIGH", "A nonce or initialisation vector that repeats breaks the encryption. Take a new one from crypto/rand for every message."},
		"G408": {"HIGH", "The callback is called for keys that the client does not go on to prove it holds, so what it stores may belong to a key that is not the client's. Carry the data in ssh.Permissions."},
		"G501": {"", "MD5 no longer resists collisions. Use crypto/sha256 or better."},
		"G502": {"", "DES can be broken by trying all keys. Use crypto/aes."},
		"G503": {"", "RC4's output is biased and can be broken. Use AES-GCM or ChaCha20-Poly1305."},
		"G504": {"", "Under CGI a Proxy header becomes the variable HTTP_PROXY, and requests go where the client says. Serve with net/http."},
		"G505": {"", "SHA-1 no longer resists collisions. Use crypto/sha256 or better."},
		"G506": {"", "MD4 is broken. Use crypto/sha256 or better."},
		"G507": {"", "RIPEMD-160 is aged and short. Use crypto/sha256 or better."},
		"G601": {"", "Before Go 1.22 all iterations share the loop variable, so its address leads to the last value. Copy the variable, or set go 1.22 in go.mod."},
		"G602": {"LOW", "The index or bound is beyond the slice, and the program panics. Check the length first."},
		"G701": {"HIGH", "Input from outside reaches an SQL query and can change it. Pass values as parameters."},
		"G702": {"HIGH", "Input from outside reaches a command line and can run other commands. Fix the program, pass arguments apart, and use no shell."},
		"G703": {"HIGH", "Input from outside reaches a file path and can name any file. Use an os.Root (Go 1.24), or check the cleaned path."},
		"G704": {"HIGH", "Input from outside says where a request goes, and can reach internal services. Check the host against a list."},
		"G705": {"MEDIUM", "Input from outside is written into a page as it is, and scripts in it run. Use html/template."},
		"G706": {"LOW", "Input from outside reaches the log, where line breaks in it forge entries. Quote it (%q), or use structured logging."},
		"G707": {"HIGH", "Input from outside reaches mail commands or headers, where line breaks in it add others. Refuse line breaks, and parse addresses with net/mail."},
		"G708": {"HIGH", "Input from outside becomes the text of a template and can call what the template can. Keep templates fixed, and pass input as data."},
		"G709": {"HIGH", "Data from outside is decoded without bounds on its size and types. Limit the size, and decode into a type with just the fields wanted."},
		"G710": {"MEDIUM", "Input from outside says where a redirect leads, such as to a copy of the login page. Redirect to paths of this site, or to hosts on a list."},
	}
}
