module acme.dev/fixtures/held

go 1.19
