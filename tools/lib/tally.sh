# shellcheck shell=bash
# Counts tests over all layers and closes with one line that says how many.

passed=0 failed=0 skipped=0
reasons=() summary=()

count_failure() {
    failed=$((failed + 1))
    reasons+=("$1: $2")
    say "$1: $2"
}

# Adds up what layer $1 printed into log $2 before it ended with status $3, begun at $4.
#
# A test program prints one 'test result:' line; one that does not has crashed and is a failure.
count_results() {
    local layer=$1 log=$2 status=$3 started=$4 counts ok bad ignored programs results
    counts=$(awk '
        /^test result: / { ok += $4; bad += $6; ignored += $8; results++ }
        /^     Running |^   Doc-tests / { programs++ }
        END { print ok + 0, bad + 0, ignored + 0, programs + 0, results + 0 }' "$log")
    read -r ok bad ignored programs results <<<"$counts"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + ignored))
    summary+=("$layer: $ok passed, $bad failed, $ignored skipped in $(since "$started")")
    local name
    while read -r name; do
        reasons+=("$layer: $name")
    done < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log")
    if ((status == 124 || status == 137)); then
        count_failure "$layer" "stopped after ${layer_limit:?}, unfinished"
    elif ((programs > results)); then
        local crashed=$((programs - results))
        failed=$((failed + crashed - 1))
        count_failure "$layer" "$crashed test program(s) ended without a result (status $status)"
    elif ((status != 0 && bad == 0)); then
        count_failure "$layer" "ended with status $status"
    elif ((results == 0)); then
        count_failure "$layer" 'ran no test'
    fi
}

# Prints the summary and, last of all, the closing line; exits with 1 unless all is well.
close_tally() {
    echo
    ((${#summary[@]} == 0)) || printf '%s\n' "${summary[@]}"
    if ((${#reasons[@]} > 0)); then
        echo 'Failures:'
        printf '  %s\n' "${reasons[@]}"
    fi
    ((passed + failed > 0)) || failed=1
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0)) || exit 1
}
