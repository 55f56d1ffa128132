
# shellcheck disable=SC2154 # this operation's own values stand above
# From here on it is the same for every operation. Needs git ≥ 2.34, OpenSSH ≥ 8.9 and age; `stufpack glass record` makes
# the same tree, encrypted bytes aside.
#   sh THIS-FILE GLASS KEY SIGNERS
# GLASS: a glass, or its clone · KEY: an OpenSSH private key · SIGNERS: who may sign, OpenSSH's allowed_signers format
set -eu
umask 077
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export LC_ALL=C GIT_NO_REPLACE_OBJECTS=1
fail() { printf 'error: %s. Nothing was recorded.\n' "$1" >&2 && exit 1; }
[ "$#" -eq 3 ] || fail "usage: sh $0 GLASS KEY SIGNERS"
folder=$(realpath -- "${0%.sh}") glass=$(realpath -- "$1") key=$(realpath -- "$2") signers=$(realpath -- "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git() {
  command git -C "$glass" -c gpg.format=ssh -c "gpg.ssh.allowedSignersFile=$signers" -c i18n.commitEncoding=UTF-8 \
    -c log.showSignature=false "$@"
}
trailer() { git log -1 --format="%(trailers:key=$1,valueonly,separator=)" main; }

# A line break would write a trailer of its own, such as who approved.
ticket=${TICKET:-none}
[ "${TICKET:-}" != none ] || fail "TICKET is none, which means that there is no ticket; unset it"
# Its bytes in hexadecimal, a blank before each, so that they can be compared on every machine.
hex=$(printf %s "$ticket" | od -An -v -tx1 | tr -d '\n')
more='[89ab][0-9a-f]'
printf '%s\n' "$hex" | grep -Eqx "( [0-7][0-9a-f]| (c[2-9a-f]|d[0-9a-f]) $more| e0 [ab][0-9a-f] $more\
| (e[1-9a-c]|ee|ef) $more $more| ed [89][0-9a-f] $more| f0 [9ab][0-9a-f] $more $more| f[1-3] $more $more $more\
| f4 8[0-9a-f] $more $more)+" || fail "TICKET is not UTF-8"
letters=$(printf %s "$hex" | sed "s/ $more//g")
[ "${#letters}" -le 600 ] || fail "TICKET is longer than 200 characters"
case $hex in
  *' 0'[0-9a-f]* | *' 1'[0-9a-f]* | *' 7f'* | *' c2 '[89][0-9a-f]* | *' e2 80 a'[89]*)
    fail "TICKET must be one line without control characters" ;;
  # What hides or turns text: soft hyphens, marks of direction, joiners, tags.
  *' c2 ad'* | *' d8 9c'* | *' e1 a0 8e'* | *' e2 80 8'[b-f]* | *' e2 80 a'[a-e]* | *' e2 81 a'[0-9a-f]* | \
    *' ef bb bf'* | *' ef bf b'[9ab]* | *' f3 a0 8'[01]*)
    fail "TICKET holds a character that hides or turns text" ;;
  ' 20'* | *' 20' | ' c2 a0'* | *' c2 a0' | ' e1 9a 80'* | *' e1 9a 80' | ' e2 80 8'[0-9a]* | *' e2 80 8'[0-9a] | \
    ' e2 80 af'* | *' e2 80 af' | ' e2 81 9f'* | *' e2 81 9f' | ' e3 80 80'* | *' e3 80 80')
    fail "TICKET begins or ends with a blank" ;;
esac

# A glass refuses what looks like a secret, and keeps its messages for ever.
word='[A-Za-z0-9]' name='[A-Za-z0-9_-]'
! printf '%s\n' "$ticket" | grep -Eq "(^|[^A-Za-z0-9])((AKIA|ASIA)$word{16}|gh[posur]_$word{36}|glpat-$name{20}|xox[bp]-$name{20}\
|eyJ$name*[.]$name*[.]$name*)|github_pat_$name{20}|sk_live_$word{16}|AGE-SECRET-KEY-[1]|AGE-PLUGIN-$name{20}\
|BEGIN .*PRIVATE KEY|PuTTY-User-Key-Fil[e]-|://[^ /@]*:[^ /@]*@" || fail "TICKET looks like a secret"

# A date that has not come would make every check of the glass fail until it came.
[ "$ended" -ge "$started" ] || fail "it ended before it began"
[ "$ended" -le "$(($(date +%s) + 300))" ] ||
  fail "it ended at second $ended, and this machine's clock says $(date +%s): correct it, or wait until then"

# What is recorded is what ./migrate wrote, file by file; who changed it since changed what the journal and the reports say.
(cd "$folder" && find . ! -type d | cut -c3- | sort) >"$work/there"
printf '%s\n' "$sums" | cut -c67- | sort | cmp -s - "$work/there" ||
  fail "$folder has other files than ./migrate wrote: compare them with the list at the top of $0"
(cd "$folder" && printf '%s\n' "$sums" | sha256sum -c --strict --quiet) >&2 || fail "$folder was changed since ./migrate wrote it"

# It says what its journal and its report tell, and what may name anybody is encrypted.
said() { sed -n "s/^ \"$2\": \"\{0,1\}\([a-z0-9_-]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$folder/$1"; }
phase=$(said operation.json phase) run=$(said operation.json run) result=$(said operation.json result)
report=reports/$phase.json verdict=not_run
last=$(grep -F "\"run\":$run," "$folder/journal.jsonl" | grep -Ev '"step":"(gate|hold)"|"state":"refused"' | tail -n 1)
ran=$(printf '%s\n' "$last" | sed -n 's/.*"phase":"\([a-z-]*\)".*/\1/p')
case $last in
  *'"step":"sign-off"'*) ran=sign-off ended_as='' report=sign-off.json ;;
  *'"state":"finished"'*) ended_as=finished ;;
  *'"state":"rolled_back"'*) ended_as=rolled_back ;;
  *'"state":"failed"'*) ended_as=failed ;;
  *) ended_as=paused ;;
esac
case $ran in
  import) kind=configuration ;;
  invite) kind=access ;;
  cutover) kind=cutover ;;
  rollback | abort) kind=rollback ;;
  *) kind=deployment ;;
esac
[ ! -f "$folder/$report" ] || verdict=$(said "$report" verdict)
says="$(said operation.json event), $phase, ${result:-no result}, $(said operation.json validation)"
tells="$kind, $ran, ${ended_as:-no result}, ${verdict:-no verdict}"
[ "$says" = "$tells" ] ||
  fail "operation.json says $says; journal and report of run ${run:-nobody knows which} tell $tells"
[ "$event, $validation" = "$kind, $verdict" ] || fail "$0 says $event, $validation; operation.json does not"
clear=$(grep -i '^evidence/' "$work/there" | grep -vxF -e "$personal" | head -n 1)
[ -z "$clear" ] || fail "$clear is evidence, which may name anybody, and operation.json does not list it in personal"

# Whose key it is, and whether one may build on what is there.
printf '' | ssh-keygen -q -Y sign -n git -f "$key" >"$work/sig" || fail "the key cannot sign"
principal=$(ssh-keygen -Y find-principals -s "$work/sig" -f "$signers") || fail "the key is of nobody in $signers"
head=$(git rev-parse --verify --quiet main) || fail "$glass is no glass"
git verify-commit "$head" 2>/dev/null || fail "the last operation was signed by nobody in $signers"
git cat-file blob main:audit/glass.json | grep -q "\"slug\": *\"$slug\"" || fail "the glass is of another STUF than $slug"
git log --format='%(trailers:key=Event,valueonly,separator=) %(trailers:key=Package-SHA256,valueonly,separator=)' main |
  grep -qx "package $sha256" || fail "the glass does not have package $package; record that first"
theirs=$(git rev-parse --verify --quiet refs/remotes/origin/main) || theirs=$head
git merge-base --is-ancestor "$theirs" main || fail "this clone lacks operations of its origin: git pull --ff-only"
about=$(git hash-object -- "$folder/operation.json")
if git ls-tree -r main audit | grep -q " $about	"; then
  git rev-parse main >"$folder.recorded" && echo "was recorded before" && exit 0
fi

# Runs enter in their order: a journal goes on from the one that was recorded last, or contradicts it for ever. That of a state
# folder made anew is another, and tells of what came after.
mine=$folder/journal.jsonl since=0 left='' other=''
bytes() { echo "$(($(wc -c <"$1")))"; }
head -n 1 -- "$mine" >"$work/first"
git log --format='%(trailers:key=Plan-SHA256,valueonly,separator=) %H %(trailers:key=Operation,valueonly,separator=)' main |
  sed -n "s/^$plan //p" >"$work/past"
while read -r commit operation; do
  path=$(git ls-tree -r --name-only "$commit" audit | grep "/$(printf %04d "$operation")-[a-z]*/journal\.jsonl\$") || continue
  git cat-file blob "$commit:$path" >"$work/was"
  git cat-file blob "$commit:${path%journal.jsonl}operation.json" >"$work/about"
  if ! head -n 1 "$work/was" | cmp -s - "$work/first"; then
    [ -n "$other" ] || other=$operation until=$(grep -o '"ended": *"[^"]*"' "$work/about" | cut -d '"' -f 4) against=$path
    continue
  fi
  other=''
  since=$(sed -n 's/^ "run": \([0-9]*\),$/\1/p' "$work/about")
  newer=$since-$(sed -n 's/^ "phase": "\([a-z-]*\)",$/\1/p' "$work/about")
  if head -c "$(bytes "$mine")" "$work/was" | cmp -s - "$mine" && ! cmp -s "$work/was" "$mine"; then
    fail "it cannot be recorded any more: $newer, which ran after it, is operation $operation of this glass, with a journal that holds \
all that this one tells. Keep $folder, which alone has that run's reports and evidence, and go on with what ran after $newer"
  fi
  head -c "$(bytes "$work/was")" "$mine" | cmp -s - "$work/was" ||
    fail "$mine is another than in operation $operation; compare it with: git -C '$glass' show main:$path. \
Where the state folder was put back from an older copy: move $folder elsewhere, put that journal in the place of \
packages/$package/journal.jsonl of the state folder, then run $phase again"
  break
done <"$work/past"
if [ -n "$other" ]; then
  begun=$(grep -Ev '"phase":"(preflight|status|support|export)"|"step":"(gate|hold)"|"state":"refused"' "$mine" | head -n 1 |
    grep -o '"at":"[^"]*"' | cut -d '"' -f 4)
  printf '%s\n' "$until" "$begun" | sort -c 2>/dev/null ||
    fail "$mine is another journal than that of operation $other, and its first run began at $begun, before that one ended ($until); \
runs of a package follow each other. Compare it with: git -C '$glass' show main:$against"
fi
for run in $earlier; do
  [ "${run%%-*}" -gt "${since:-0}" ] || continue
  beside=${folder%/*}/$run
  if [ -d "$beside" ]; then
    printf 'error: %s ran before it and could not be recorded after it. Nothing was recorded.\n' "$run" >&2
    printf 'To leave it out of this glass for good, move %s elsewhere; otherwise first:\n' "$beside" >&2
    printf "    sh '%s.sh' '%s' '%s' '%s'\n" "$beside" "$glass" "$key" "$signers" >&2
    exit 1
  fi
  left="$left, $run"
done

# The files: clear ones as they are, logs apart, personal ones encrypted under numbers to the glass's recipients.
number=$(($(trailer Operation) + 1))
name=$(printf '%04d-%s' "$number" "$event")
export GIT_INDEX_FILE="$work/index"
git read-tree main
add() { git update-index --add --cacheinfo "100644,$(git hash-object -w --no-filters -- "$1"),$2"; }
git cat-file blob main:personal/recipients >"$work/recipients"
find "$folder" -type f | cut -c "$((${#folder} + 2))-" | sort >"$work/files"
sealed=0
while IFS= read -r path; do
  if printf '%s\n' "$personal" | grep -qxF -- "$path"; then
    sealed=$((sealed + 1))
    age -R "$work/recipients" -o "$work/$sealed.age" -- "$folder/$path" || fail "$path cannot be encrypted"
    add "$work/$sealed.age" "$place/$name/personal/$(printf %04d "$sealed").age"
  else
    case $path in
      logs/*) add "$folder/$path" "infrastructure/deployment-logs/$name/${path#logs/}" ;;
      *) add "$folder/$path" "$place/$name/$path" ;;
    esac
  fi
done <"$work/files"
tree=$(git write-tree)

# One signed commit; main moves last, and only forward.
cat >"$work/message" <<MESSAGE
$event $number: package $package

Event: $event
Operation: $number
Package-Number: $package
Package-SHA256: $sha256
Plan-SHA256: $plan
Before: $(git rev-parse 'main^{tree}')
After: $tree
Requested-By: $requested_by
Approved-By: $approved_by
Ticket: $ticket
Validation: $validation
Tool: git
MESSAGE
time=$(git log -1 --format=%ct main)
[ "$time" -gt "$ended" ] || time=$ended
export GIT_AUTHOR_NAME="$principal" GIT_AUTHOR_EMAIL="$principal" GIT_AUTHOR_DATE="$time +0000"
export GIT_COMMITTER_NAME="$principal" GIT_COMMITTER_EMAIL="$principal" GIT_COMMITTER_DATE="$time +0000"
commit=$(git commit-tree -S"$key" -p "$head" -F "$work/message" "$tree")
git verify-commit "$commit" 2>/dev/null || fail "the new commit does not verify"
unset GIT_INDEX_FILE
if [ "$(git rev-parse --is-bare-repository)" = true ]; then
  git update-ref refs/heads/main "$commit" "$head"
else
  [ "$(git symbolic-ref HEAD)" = refs/heads/main ] || fail "the clone does not stand at main"
  git merge --quiet --ff-only "$commit"
fi
echo "$commit" >"$folder.recorded"
echo "operation $number recorded: commit $commit"
[ -z "$left" ] || printf '  without %s, which ran before it and has no folder here: %s\n' "${left#, }" \
  'of that this glass will have the lines of the journal, and no more'
