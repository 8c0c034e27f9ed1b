package awstest

import "testing"

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example.org": false,
		"sqs.us-east-1.amazonaws.com": false, "127.0.0.1.example.org": false,
	} {
		if got := loopback(host); got != want {
			t.Errorf("loopback(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestNamesDiffer(t *testing.T) {
	if a, b := Name("q"), Name("q"); a == b {
		t.Errorf("two names are both %q", a)
	}
}
