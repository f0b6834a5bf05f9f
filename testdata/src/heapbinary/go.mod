module example.org/heapbinary

go 1.19
