module acme.dev/fingerprint

go 1.19

require acme.dev/dep v1.0.0

replace acme.dev/dep => ../dep
