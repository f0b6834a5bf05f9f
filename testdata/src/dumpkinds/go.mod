module acme.dev/kinds

go 1.26
