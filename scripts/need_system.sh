#!/usr/bin/env bash
# The programs of the system that the tests drive: a browser, PostgreSQL, Postfix, Dovecot, dkimpy
# and Exim, which cannot be installed beside Postfix: it is unpacked into .venv/exim.
# Installs what is missing where it may (Debian or Ubuntu, root or sudo without a password), and
# starts no service; otherwise says in one sentence what to install.
set -euo pipefail

packages=()
command -v chromium >/dev/null || packages+=(chromium)
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
    packages+=(postgresql)
command -v postfix >/dev/null || [ -x /usr/sbin/postfix ] || packages+=(postfix)
[ -x /usr/lib/dovecot/imap ] || packages+=(dovecot-imapd)
[ -x /usr/lib/dovecot/pop3 ] || packages+=(dovecot-pop3d)
# dkimpy, the judge of our DKIM signatures, has no wheel: Debian's, for the system's own Python.
/usr/bin/python3 -c 'import dkim, nacl' 2>/dev/null || packages+=(python3-dkim python3-nacl)
exim=$PWD/.venv/exim
[ -x "$exim/usr/sbin/exim4" ] || packages+=(libidn12)
[ ${#packages[@]} -gt 0 ] || exit 0

give_up() {
    echo "The tests need ${packages[*]}: install them, on Debian with apt-get install ${packages[*]}." >&2
    exit 1
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || give_up
    as_root=(sudo -n)
fi
command -v apt-get >/dev/null || give_up

echo "Installing ${packages[*]} for the tests."
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    # 101: no package may start a service while this file stands (Debian's invoke-rc.d).
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
echo 'postfix postfix/main_mailer_type select No configuration' |
    "${as_root[@]}" debconf-set-selections
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null || give_up
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
    --no-install-recommends "${packages[@]}" </dev/null || give_up

[ -x "$exim/usr/sbin/exim4" ] && exit 0
getent passwd Debian-exim >/dev/null ||
    "${as_root[@]}" useradd --system --no-create-home --shell /usr/sbin/nologin Debian-exim
unpacked=$(mktemp -d)
(
    cd "$unpacked"
    apt-get -qq download exim4-daemon-light exim4-base || give_up
    for package in *.deb; do dpkg -x "$package" exim; done
)
mkdir -p "$(dirname "$exim")"
rm -rf "$exim"
mv "$unpacked/exim" "$exim"
rm -rf "$unpacked"
