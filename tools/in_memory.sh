#!/bin/sh
# Runs a command whose temporary files are in memory, if this machine has 2 GB for them:
#   tools/in_memory.sh cargo nextest run
#
# Tests create and delete many small files. ext4 looks at each file that was deleted in the last
# minute before it creates another one, which can take a third of all processor time.
set -u
memory=/dev/shm
least_kb=2000000

free_kb=$(df -Pk "$memory" 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ -n "${TMPDIR:-}" ] || [ ! -w "$memory" ] || [ "${free_kb:-0}" -lt "$least_kb" ]; then
    exec "$@"
fi

# A run that was killed has left its folder, which has the number of its process.
for folder in "$memory"/mds-tests-*; do
    process=${folder#"$memory/mds-tests-"}
    if [ -O "$folder" ] && [ ! -e "/proc/${process%%-*}" ]; then rm -rf "$folder"; fi
done

TMPDIR=$(mktemp -d "$memory/mds-tests-$$-XXXXXX") || exit 1
export TMPDIR
# Postgres does not run as root. Its account removes its folder, as it may in /tmp.
chmod 1777 "$TMPDIR"
trap 'rm -rf "$TMPDIR" 2>/dev/null || { sleep 2; rm -rf "$TMPDIR"; }' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$@"
