# shellcheck shell=bash
# Which Debian mirror to build the root from: the one that this computer's apt already uses.

# Prints 'URI SUITE COMPONENT[,COMPONENT...] KEYRING' for each line of one-line-style files.
one_line_sources() {
    sed -E 's/#.*//' "$@" | awk '
        $1 == "deb" {
            keyring = "-"
            first = 2
            if ($2 ~ /^\[/) {
                while ($first !~ /\]$/ && first < NF) first++
                for (i = 2; i <= first; i++)
                    if (match($i, /signed-by=[^] ]*/)) keyring = substr($i, RSTART + 10, RLENGTH - 10)
                first++
            }
            components = $(first + 2)
            for (i = first + 3; i <= NF; i++) components = components "," $i
            print $first, $(first + 1), components, keyring
        }'
}

# The same for deb822 files, where one paragraph may name several URIs and suites.
deb822_sources() {
    cat "$@" | awk '
        function finish(    u, s, i, j, n, m) {
            if (value["types"] ~ /(^| )deb( |$)/ && tolower(value["enabled"]) !~ /no|false/) {
                gsub(/ +/, ",", value["components"])
                keyring = value["signed-by"] ~ /^\// ? value["signed-by"] : "-"
                n = split(value["uris"], u, " ")
                m = split(value["suites"], s, " ")
                for (i = 1; i <= n; i++)
                    for (j = 1; j <= m; j++) print u[i], s[j], value["components"], keyring
            }
            split("", value)
        }
        /^#/ { next }
        /^[ \t]*$/ { finish(); next }
        /^[ \t]/ { sub(/^[ \t]+/, ""); value[field] = value[field] " " $0; next }
        {
            field = tolower(substr($0, 1, index($0, ":") - 1))
            value[field] = substr($0, index($0, ":") + 1)
            sub(/^[ \t]+/, "", value[field])
            sub(/[ \t]+$/, "", value[field])
        }
        END { finish() }'
}

# Prints the sources.list line of the root: Debian's main archive as this computer reaches it.
debian_source() {
    if [[ ${ORIEL_MIRROR-} ]]; then
        echo "deb $ORIEL_MIRROR trixie main"
        return
    fi
    local apt=${1:-/etc/apt} uri suite components keyring
    while read -r uri suite components keyring; do
        [[ $uri =~ ^(https?|file): && ,$components, == *,main,* ]] || continue
        # Other suites, such as bookworm-security, lie elsewhere; Ubuntu's are not Debian's.
        case $suite in
            bullseye | bookworm | trixie | forky | sid | oldstable | stable | testing | unstable) ;;
            *) continue ;;
        esac
        if [[ -r $keyring ]]; then
            echo "deb [signed-by=$keyring] $uri trixie main"
        else
            echo "deb $uri trixie main"
        fi
        return
    done < <(
        shopt -s nullglob
        one_line=("$apt"/sources.list.d/*.list)
        [[ ! -r $apt/sources.list ]] || one_line=("$apt/sources.list" "${one_line[@]}")
        deb822=("$apt"/sources.list.d/*.sources)
        ((${#one_line[@]} == 0)) || one_line_sources "${one_line[@]}"
        ((${#deb822[@]} == 0)) || deb822_sources "${deb822[@]}"
    )
    say "no Debian mirror among apt's sources: using deb.debian.org (ORIEL_MIRROR names another)"
    echo 'deb http://deb.debian.org/debian trixie main'
}

# Prints how this computer's apt reaches its mirrors (proxies and the like), as apt options.
apt_options() {
    command -v apt-config >/dev/null || return 0
    apt-config dump 2>/dev/null |
        grep -E '^Acquire::((http|https|ftp)::[A-Za-z:.-]*|Check-Valid-Until|Check-Date|Retries) "..*";$' |
        grep -v -E '::(User-Agent|AllowRedirect|Pipeline-Depth)' || true
}
