#!/bin/sh
# A start script as they grow: it looks at the machine, makes folders, renders a configuration, then waits.
set -e
echo "on $(uname -sr), $(nproc) processors, $(date -u +%F)"
install -d -m 750 /run/job /var/spool/job
cut -d: -f1 /etc/passwd | sort | uniq | head -n 5 >/run/job/users
find /etc -maxdepth 1 -name '*.conf' -print | xargs -r wc -l | tail -n 1
sed -e "s/@ID@/$(cat /proc/sys/kernel/random/uuid)/" -e 's/@PORT@/8000/' /srv/job.conf.in >/run/job/job.conf
awk -F= '/^PRETTY_NAME/ { gsub(/"/, "", $2); print $2 }' /etc/os-release
sha256sum /run/job/job.conf | cut -c1-12
tar -C /run -czf /var/spool/job/first.tar.gz job
perl -e 'printf "%s\n", join(",", sort map { lc } qw(B A))'
stat -c '%a %n' /run/job
echo ready
exec sleep infinity
