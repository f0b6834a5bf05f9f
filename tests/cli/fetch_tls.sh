#!/bin/sh
# Whom `seep fetch` trusts and who it says it is, through its options: a
# certificate nobody signed, a CA of the test's own, a certificate of the
# client. Who is refused leaves no file. Loopback only.
# usage: fetch_tls.sh PROGRAM TESTDATA
seep=$1
command -v openssl >/dev/null || {
    echo "fetch_tls: no openssl to serve with"
    exit 77
}
work=$(mktemp -d) || exit 2
cd "$work" || exit 2
server=
failed=0

cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

complain() {
    echo "fetch_tls: $*"
    failed=1
}

# certify NAME WORDS...: a key and a certificate signed by itself.
certify() {
    name=$1
    shift
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$name.key" \
        -out "$name.pem" -subj "/CN=$name" "$@" 2>openssl.log || {
        cat openssl.log
        exit 2
    }
}

# serve ARGS...: in place of the last; $url is where. It gives files below here.
serve() {
    if [ -n "$server" ]; then
        kill "$server"
        wait "$server" 2>/dev/null
    fi
    : >server
    openssl s_server -accept 127.0.0.1:0 -WWW -cert here.pem -key here.key \
        "$@" >server 2>&1 &
    server=$!
    for _ in $(seq 600); do
        url=$(sed -n 's,^ACCEPT \(127[0-9.:]*\).*,https://\1,p' server)
        [ -z "$url" ] || return 0
        sleep 0.05
    done
    complain "no server: $(cat server)"
    exit 1
}

# fetch STATUS WORDS ARGS...: one heap profile; its status, what it says, and
# whether there is a file.
fetch() {
    wanted=$1
    words=$2
    shift 2
    rm -rf saved
    timeout 60 "$seep" fetch "$url" --profile heap --no-gc --count 1 -o saved \
        "$@" >out 2>&1
    status=$?
    [ "$status" -eq "$wanted" ] ||
        complain "fetch $*: status $status and not $wanted: $(cat out)"
    grep -qE -- "$words" out || complain "fetch $*: not '$words': $(cat out)"
    n=$(find saved -name '*.pb.gz' 2>/dev/null | wc -l)
    if [ "$wanted" -eq 0 ]; then
        cmp -s debug/pprof/heap saved/*.pb.gz ||
            complain "fetch $*: not the bytes that were served"
    else
        [ "$n" -eq 0 ] || complain "fetch $*: saved $n files"
    fi
}

mkdir -p debug/pprof
"$seep" sim steady -o sim --snapshots 1 >/dev/null || exit 2
find sim -name '*.heap.pb.gz' -exec cp {} debug/pprof/heap \;
certify here -addext 'subjectAltName=IP:127.0.0.1'
certify me
certify stranger

serve
fetch 2 'certificate'
fetch 2 'certificate' --cacert stranger.pem
fetch 0 '' --cacert here.pem
fetch 0 '' --insecure
fetch 2 'contradict' --insecure --cacert here.pem

# It wants to know who asks.
serve -Verify 1 -verify_return_error -CAfile me.pem
fetch 2 '' --cacert here.pem
fetch 2 '' --cacert here.pem --cert stranger.pem --key stranger.key
fetch 0 '' --cacert here.pem --cert me.pem --key me.key
fetch 2 'nowhere.pem' --cacert here.pem --cert nowhere.pem --key me.key
exit $failed
