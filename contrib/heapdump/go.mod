module example.org/seep/heapdump

go 1.19
