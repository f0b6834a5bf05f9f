module acme.dev/dep

go 1.19
