
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
git() { command git -C "$glass" -c gpg.format=ssh -c "gpg.ssh.allowedSignersFile=$signers" -c i18n.commitEncoding=UTF-8 "$@"; }
trailer() { git log -1 --format="%(trailers:key=$1,valueonly,separator=)" main; }

# A line break would write a trailer of its own, such as who approved.
ticket=${TICKET:-none}
case $ticket in ' '* | *' ') fail "TICKET begins or ends with a blank" ;; esac
{ [ "${#ticket}" -le 200 ] && [ "$(printf %s. "$ticket" | tr -d '[:cntrl:]')" = "$ticket." ]; } ||
  fail "TICKET must be one line of at most 200 bytes"

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

# Runs enter in their order: a journal goes on from the one that was recorded last, or contradicts it for ever.
mine=$folder/journal.jsonl since=0 left=''
bytes() { echo "$(($(wc -c <"$1")))"; }
head -n 1 -- "$mine" >"$work/first"
git log --format='%(trailers:key=Plan-SHA256,valueonly,separator=) %H %(trailers:key=Operation,valueonly,separator=)' main |
  sed -n "s/^$plan //p" >"$work/past"
while read -r commit operation; do
  path=$(git ls-tree -r --name-only "$commit" audit | grep "/$(printf %04d "$operation")-[a-z]*/journal\.jsonl\$") || continue
  git cat-file blob "$commit:$path" >"$work/was"
  head -n 1 "$work/was" | cmp -s - "$work/first" || continue
  git cat-file blob "$commit:${path%journal.jsonl}operation.json" >"$work/about"
  since=$(sed -n 's/^ "run": \([0-9]*\),$/\1/p' "$work/about")
  newer=$since-$(sed -n 's/^ "phase": "\([a-z-]*\)",$/\1/p' "$work/about")
  if head -c "$(bytes "$mine")" "$work/was" | cmp -s - "$mine" && ! cmp -s "$work/was" "$mine"; then
    fail "it cannot be recorded any more: $newer, which ran after it, is operation $operation of this glass, with a journal that holds \
all that this one tells. Keep $folder, which alone has that run's reports and evidence, and go on with what ran after $newer"
  fi
  head -c "$(bytes "$work/was")" "$mine" | cmp -s - "$work/was" ||
    fail "$mine is another than in operation $operation; compare it with: git -C '$glass' show main:$path"
  break
done <"$work/past"
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
