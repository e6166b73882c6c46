# Runs a Postgres server for as long as standard input stays open.
#
# The process that started this script holds the other end of standard input. However that
# process ends, even by kill -9, the end closes with it: the server is stopped then, and a
# temporary folder removed.
#
# Arguments: initdb, the folder, keep|remove, another folder to remove or nothing, then the server's
# command line. The other folder stays if the server had ended before: it can have a successor.
initdb=$1
folder=$2
after=$3
other=$4
shift 4

exec 3<&0 </dev/null

if [ ! -f "$folder/data/PG_VERSION" ]; then
    # A folder that an interrupted initdb left would be refused by the next one.
    rm -rf "$folder/data"
    "$initdb" --pgdata="$folder/data" --username=postgres --pwfile="$folder/verifier" \
        --auth=password --encoding=UTF8 --locale=C --no-sync --no-instructions 3<&- || exit 1
fi

"$@" 3<&- &
server=$!

(
    while read -r _ <&3; do :; done
    kill -0 "$server" || other=
    # Data that nobody will read again needs no last checkpoint.
    if [ "$after" = remove ]; then signal=QUIT; else signal=INT; fi
    left=200
    # Repeated, because a server that is just starting ignores these signals: a shell starts its
    # background processes with both ignored.
    while kill -"$signal" "$server" && [ "$left" -gt 0 ]; do
        sleep 0.05
        left=$((left - 1))
        if [ "$left" -eq 100 ]; then signal=QUIT; fi
    done
    kill -KILL "$server"
    if [ "$after" = remove ]; then rm -rf "$folder"; fi
    if [ -n "$other" ]; then rm -rf "$other"; fi
) >/dev/null 2>&1 &

# The watcher alone reads the pipe; this shell only reports how the server ended.
exec 3<&-
wait "$server"
