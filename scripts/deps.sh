#!/bin/sh
# Installs the Debian packages that are missing. usage: deps.sh build|test|peers
# Says which they are; uses sudo only when not root; asks the package index for news only when it has to.
set -eu

build="gcc g++ make cmake nasm pkg-config python3 patch xz-utils libdav1d-dev libde265-dev libx265-dev libnuma-dev"
test="clang strace libimage-exiftool-perl libjpeg-turbo-progs webp imagemagick python3-venv attr acl"
peers="imagemagick libimage-exiftool-perl python3-venv nodejs npm jpegoptim libjpeg-turbo-progs pngquant webp libavif-bin libheif-examples gifsicle libtiff-tools"

case "${1:-}" in
    build) wanted="$build" ;;
    test) wanted="$build $test" ;;
    peers) wanted="$build $peers" ;;
    *) echo "usage: deps.sh build|test|peers" >&2; exit 2 ;;
esac

# The command that a package is wanted for: where it is there, it does not matter who installed it.
command_of() {
    case "$1" in
        libimage-exiftool-perl) echo exiftool ;;
        libjpeg-turbo-progs) echo djpeg ;;
        webp) echo dwebp ;;
        imagemagick) echo identify ;;
        attr) echo setfattr ;;
        acl) echo setfacl ;;
        nodejs) echo node ;;
        libavif-bin) echo avifenc ;;
        libheif-examples) echo heif-enc ;;
        libtiff-tools) echo tiffcp ;;
        xz-utils) echo xz ;;
        *) echo "$1" ;;
    esac
}

# The pkg-config module of a library that is built against: libNAME-dev has NAME.
module_of() {
    case "$1" in
        libde265-dev) echo libde265 ;;
        *) name="${1#lib}" && echo "${name%-dev}" ;;
    esac
}

present() {
    case "$1" in
        python3-venv) python3 -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        *-dev) pkg-config --exists "$(module_of "$1")" >/dev/null 2>&1 ;;
        *) command -v "$(command_of "$1")" >/dev/null 2>&1 ;;
    esac
}

missing=""
for package in $wanted; do
    present "$package" || missing="$missing $package"
done

if [ -n "$missing" ]; then
    echo "system packages that are missing:$missing"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "there is no apt-get here: install what gives these commands with your own package manager:" >&2
        for package in $missing; do echo "  $(command_of "$package")" >&2; done
        exit 1
    fi
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    install() {
        # shellcheck disable=SC2086 # a list of words
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
    }
    install || { $sudo apt-get update && install; }
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "cargo is missing: install Rust 1.95 from https://rustup.rs, then run this again" >&2
    exit 1
fi
