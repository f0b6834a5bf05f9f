/*
 * What reading a profile costs at least: zlib inflates a file in blocks of 64
 * KiB, checksum and all, and nothing is made of the bytes.
 * usage: bare_inflate FILE
 */
#include <stdio.h>
#include <zlib.h>

enum { BLOCK_BYTES = 64 << 10, GZIP_WINDOW = 16 + 15 };

static unsigned char in[BLOCK_BYTES], out[BLOCK_BYTES];

int main(int argc, char **argv)
{
    z_stream z = {0};
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    int rc = Z_OK;
    if (f == NULL || inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        fputs("usage: bare_inflate FILE\n", stderr);
        return 2;
    }
    while (rc == Z_OK &&
           (z.avail_in = (uInt)fread(in, 1, BLOCK_BYTES, f)) > 0) {
        z.next_in = in;
        do {
            z.next_out = out;
            z.avail_out = BLOCK_BYTES;
            rc = inflate(&z, Z_NO_FLUSH);
        } while (rc == Z_OK && z.avail_out == 0);
    }
    const int status = rc == Z_STREAM_END ? 0 : 1;
    inflateEnd(&z);
    fclose(f);
    return status;
}
