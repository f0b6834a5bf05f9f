module acme.dev/fixtures/listed

go 1.19
