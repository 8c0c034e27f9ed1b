package keys

// OpenNaCl opens an encrypted keyfile with the key that its password makes, without the
// seconds that making it takes.
var OpenNaCl = openNaCl
