#!/bin/sh
# Makes libaom with tune=iq (3.12 or newer) available to plugins/avif. usage: aom.sh FOLDER
# Does nothing where the system has it (pkg-config aom) or FOLDER does. Else builds a static one into FOLDER from
# Debian 13's source package: through a private apt root, from the mirror that this machine is set up for, signatures
# checked by the installed keyring. Where that cannot be had it says so and ends well: the plugin then builds with an
# older libaom or rav1e, and `squeeze plugins` shows which.
set -eu

wanted=3.12
suite=trixie
out="${1:?usage: aom.sh FOLDER}"
mkdir -p "$out"
out=$(cd "$out" && pwd)

say() { echo "aom: $*"; }
# The build script of plugins/avif runs again when this file changes.
state() { [ "$(cat "$out/state" 2>/dev/null)" = "$1" ] || echo "$1" >"$out/state"; }
do_without() {
    state none
    say "$*"
    say "going on without tune=iq: AVIF files will be larger. Run this again later, or install libaom $wanted or newer"
    exit 0
}

if pkg-config --atleast-version="$wanted" aom 2>/dev/null; then
    state "system $(pkg-config --modversion aom)"
    exit 0
fi
if [ -e "$out/lib/pkgconfig/aom.pc" ]; then
    state built
    exit 0
fi
# A build that failed for want of a network is not tried at each `make`; a day later it is.
if [ -n "$(find "$out/failed" -mmin -1440 2>/dev/null)" ] && [ -z "${SQUEEZED_AOM_RETRY:-}" ]; then
    do_without "not there; the last try was less than a day ago (SQUEEZED_AOM_RETRY=1 tries now)"
fi
for tool in apt-get tar xz patch cmake cc c++; do
    command -v "$tool" >/dev/null 2>&1 || do_without "$tool is missing, so libaom cannot be built here"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || do_without "$keyring is missing, so Debian's packages cannot be checked"

work=$(mktemp -d "$out/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# The mirror that this machine gets Debian itself from.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
if [ -z "$mirror" ]; then
    # Lists were never fetched: the first address of the configuration.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | head -n 1)
fi
[ -n "$mirror" ] || do_without "no package source is configured"

mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/state"
echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
: >"$work/state/status"
apt() {
    # As root apt would download as a user that may not read this folder.
    apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$work/state" -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/state/status" \
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o APT::Update::Error-Mode=any "$@"
}
say "fetching libaom's source package of Debian $suite"
log="$out/build.log"
fail() {
    touch "$out/failed"
    tail -n 5 "$log" 2>/dev/null || true
    do_without "$* (see $log)"
}
apt update >"$log" 2>&1 || fail "the package lists cannot be fetched"
# The two archives, each checked against the signed index. Debian's patches have the fixes since the release.
for part in --tar-only --diff-only; do
    (cd "$work" && apt source "$part" --only-source aom) >>"$log" 2>&1 || fail "the source package cannot be fetched"
done
source="$work/source"
mkdir "$source"
{
    tar -xf "$work"/aom_*.orig.tar.* -C "$source" --strip-components=1 &&
        tar -xf "$work"/aom_*.debian.tar.* -C "$source"
} >>"$log" 2>&1 || fail "the source package cannot be unpacked"
sed 's/[[:space:]]*#.*//; /^$/d' "$source/debian/patches/series" 2>/dev/null | while read -r patch; do
    patch -d "$source" -p1 -s -f -i "debian/patches/$patch" || exit 1
done >>"$log" 2>&1 || fail "Debian's patches do not apply"

say "building it, which takes one to three minutes"
started=$(date +%s)
# No threads: they are the host's to give. No decoder: dav1d decodes.
{
    cmake -S "$source" -B "$work/obj" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$out" \
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF \
        -DENABLE_TESTS=OFF -DENABLE_TOOLS=OFF -DENABLE_EXAMPLES=OFF -DENABLE_DOCS=OFF -DENABLE_TESTDATA=OFF \
        -DCONFIG_MULTITHREAD=0 -DCONFIG_AV1_DECODER=0 -DCONFIG_WEBM_IO=0 -DCONFIG_LIBYUV=0 &&
        cmake --build "$work/obj" --parallel "$(getconf _NPROCESSORS_ONLN)" &&
        cmake --install "$work/obj"
} >>"$log" 2>&1 || fail "libaom does not build"
[ -e "$out/lib/pkgconfig/aom.pc" ] || fail "libaom was built but did not install aom.pc"
rm -f "$out/failed"
state built
say "libaom $(PKG_CONFIG_PATH="$out/lib/pkgconfig" pkg-config --modversion aom) built in $(($(date +%s) - started)) s"
