module acme.dev/fixtures/rules

go 1.26
