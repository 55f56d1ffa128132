
# shellcheck disable=SC2154 # this operation's own values stand above
# From here on it is the same for every operation. Needs git ≥ 2.34, OpenSSH ≥ 8.9, age, and coreutils, grep and sed of GNU;
# `stufpack glass record` makes the same tree, encrypted bytes aside, and refuses the same.
#   sh THIS-FILE GLASS KEY SIGNERS
# GLASS: a glass, or its clone · KEY: an OpenSSH private key · SIGNERS: who may sign, OpenSSH's allowed_signers format
set -eu
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export LC_ALL=C GIT_NO_REPLACE_OBJECTS=1
fail() { printf 'error: %s. Nothing was recorded.\n' "$1" >&2 && exit 1; }
[ "$#" -eq 3 ] || fail "usage: sh $0 GLASS KEY SIGNERS"
folder=$(realpath -- "${0%.sh}") glass=$(realpath -- "$1") key=$(realpath -- "$2") signers=$(realpath -- "$3")
# Only what lies beside the glass is for nobody else: others read the glass, as far as the umask here lets them.
work=$(umask 077 && mktemp -d)
trap 'rm -rf "$work"' EXIT
# By a file, since no argument can be that long where there are many.
printf '%s\n' "$personal" >"$work/personal"
# What grep finds, which may be nothing; that it could not look is another thing.
found() { grep "$@" || [ "$?" -eq 1 ] || fail "grep cannot read what is to be recorded"; }
git() {
  command git -C "$glass" -c gpg.format=ssh -c "gpg.ssh.allowedSignersFile=$signers" -c i18n.commitEncoding=UTF-8 \
    -c log.showSignature=false "$@"
}
trailer() { git log -1 --format="%(trailers:key=$1,valueonly,separator=)" main; }

# What people wrote stands in the message for ever: a line break would write a trailer of its own, such as who approved.
hex() { od -An -v -tx1 | tr -d '\n'; }
more='[89ab][0-9a-f]' word='[A-Za-z0-9]' name='[A-Za-z0-9_-]'
# Whether bytes in hexadecimal, a blank before each, so that they can be compared on every machine, are UTF-8.
utf8() {
  grep -Eqx "( [0-7][0-9a-f]| (c[2-9a-f]|d[0-9a-f]) $more| e0 [ab][0-9a-f] $more\
| (e[1-9a-c]|ee|ef) $more $more| ed [89][0-9a-f] $more| f0 [9ab][0-9a-f] $more $more| f[1-3] $more $more $more\
| f4 8[0-9a-f] $more $more)+"
}
one_line() {
  bytes=$(printf %s "$2" | hex)
  printf '%s\n' "$bytes" | utf8 || fail "$1 is not UTF-8"
  letters=$(printf %s "$bytes" | sed "s/ $more//g")
  [ "${#letters}" -le 600 ] || fail "$1 is longer than 200 characters"
  case $bytes in
    *' 0'[0-9a-f]* | *' 1'[0-9a-f]* | *' 7f'* | *' c2 '[89][0-9a-f]* | *' e2 80 a'[89]*)
      fail "$1 must be one line without control characters" ;;
    # What hides or turns text: soft hyphens, marks of direction, joiners, tags.
    *' c2 ad'* | *' d8 9c'* | *' e1 a0 8e'* | *' e2 80 8'[b-f]* | *' e2 80 a'[a-e]* | *' e2 81 a'[0-9a-f]* | \
      *' ef bb bf'* | *' ef bf b'[9ab]* | *' f3 a0 8'[01]*)
      fail "$1 holds a character that hides or turns text" ;;
    ' 20'* | *' 20' | ' c2 a0'* | *' c2 a0' | ' e1 9a 80'* | *' e1 9a 80' | ' e2 80 8'[0-9a]* | *' e2 80 8'[0-9a] | \
      ' e2 80 af'* | *' e2 80 af' | ' e2 81 9f'* | *' e2 81 9f' | ' e3 80 80'* | *' e3 80 80')
      fail "$1 begins or ends with a blank" ;;
  esac
  # A glass refuses what looks like a secret.
  ! printf '%s\n' "$2" | grep -Eq "(^|[^A-Za-z0-9])((AKIA|ASIA)$word{16}|gh[posur]_$word{36}|glpat-$name{20}|xox[bp]-$name{20}\
|eyJ$name*[.]$name*[.]$name*)|github_pat_$name{20}|sk_live_$word{16}|AGE-SECRET-KEY-[1]|AGE-PLUGIN-$name{20}\
|BEGIN .*PRIVATE KEY|PuTTY-User-Key-Fil[e]-|://[^ /@]*:[^ /@]*@" || fail "$1 looks like a secret"
}
ticket=${TICKET:-none}
[ "${TICKET:-}" != none ] || fail "TICKET is none, which means that there is no ticket; unset it"
one_line TICKET "$ticket"
one_line 'the name of who asked for it' "$requested_by"
one_line 'the name of who approved it' "$approved_by"

# A date that has not come would make every check of the glass fail until it came.
ahead=300
[ "$ended" -ge "$started" ] || fail "it ended before it began"
[ "$ended" -le "$(($(date +%s) + ahead))" ] ||
  fail "it ended at second $ended, and this machine's clock says $(date +%s): correct it, or wait until then"

# What is recorded is what ./migrate wrote, file by file; who changed it since changed what the journal and the reports say.
there=$work/there mine=$folder/journal.jsonl
(cd "$folder" && find . ! -type d | cut -c3- | sort) >"$there"
printf '%s\n' "$sums" | cut -c67- | sort | cmp -s - "$there" ||
  fail "$folder has other files than ./migrate wrote: compare them with the list at the top of $0"
(cd "$folder" && printf '%s\n' "$sums" | sha256sum -c --strict --quiet) >&2 || fail "$folder was changed since ./migrate wrote it"

# Every name can stand in a glass, on every machine that checks it out.
none() { [ -z "$2" ] || fail "$(printf %s "$2" | cat -vt) $1"; }
none 'is neither a file nor a folder' "$(find "$folder" ! -type d ! -type f | head -n 1)"
none 'is larger than 64 MiB' "$(find "$folder" -type f -size +67108864c | head -n 1)"
[ "$(wc -l <"$there")" -le 10000 ] || fail "$folder has more than 10,000 files"
hex <"$there" | utf8 || fail "a name in $folder is not UTF-8"
c1=$(printf '\302[\200-\237]')
none 'is a name that cannot stand in a glass' \
  "$(grep -aE "[[:cntrl:]:\\\\]|$c1|(^|/)([.][gG][iI][tT]|[gG][iI][tT]~)|^.{1025}" "$there" | head -n 1)"
none 'is in the folder that recording makes' "$(grep -aiE '^personal(/|$)' "$there" | head -n 1)"
# With every folder above it.
sed -n -e :up -e p -e 's|/[^/]*$||' -e tup "$there" | sort -u | LC_ALL=C.UTF-8 sed 's/.*/\L&/' | sort | uniq -d >"$work/twice"
none 'stands there twice, in other cases, which not every machine can check out' "$(head -n 1 "$work/twice")"

# It says what its journal, its report and its approval tell, and leaves nothing of it out. They stand there as ./migrate writes
# them, a value on each line, a line of the journal in one form, so that nobody can read them in another way.
for file in operation.json journal.jsonl; do [ -f "$folder/$file" ] || fail "$folder has no $file"; done
text='"([^"\\]|\\.)*"' digest='[0-9a-f]{64}'
value="($text|[0-9]+|null|\\[\\]|[][{}])"
time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'
of_form() {
  odd=$(grep -anEvx "$2" "$folder/$1" | head -n 1 | cut -d : -f 1)
  [ -z "$odd" ] || fail "line $odd of $1 is not as ./migrate writes it"
}
file="[{]\"path\":$text,\"sha256\":\"$digest\"[}]"
of_form journal.jsonl "[{]\"v\":1,\"n\":[0-9]+,\"prev\":\"$digest\",\"plan\":\"sha256:$digest\",\"run\":[0-9]+,\"phase\":\"[^\"\\\\]*\"\
,\"step\":\"[^\"\\\\]*\",\"state\":\"[a-z_]+\",\"at\":\"$time\"(,\"by\":$text)?(,\"evidence\":\\[$file(,$file)*\\])?[}]"
split -a 5 -l 1 -- "$mine" "$work/line."
sha256sum "$work"/line.* | cut -c-64 >"$work/digests"
prev='"prev":"\([0-9a-f]*\)".*'
{ head -n 1 -- "$mine" | sed "s/.*$prev/\1/" && sed '$d' "$work/digests"; } | grep -n '' >"$work/chain"
sed "s/^{\"v\":1,\"n\":\([0-9]*\),$prev/\1:\2/" "$mine" | cmp -s - "$work/chain" ||
  fail "$mine was changed: a line does not follow the one before it"
[ -z "$(tail -c 1 "$mine")" ] || fail "$mine was changed: its last line is torn"
# Lines about what was done; a refusal, and a hold before a step, are not.
done_of() { grep -F "\"plan\":\"sha256:$plan\",$1" "$mine" | grep -Ev '"step":"(gate|hold)"|"state":"refused"'; }
run=$(sed -n 's/^ "run": \([0-9]*\),$/\1/p' "$folder/operation.json")
done_of "\"run\":$run," >"$work/ran" || fail "$mine tells nothing of the run that operation.json names"
last=$(tail -n 1 "$work/ran")
# A word of the first or the last of some lines.
told() { sed "s/.*\"$2\":\"\([^\"]*\)\".*/\1/" | "$1" -n 1; }
phase=$(told tail phase <"$work/ran") result='' since=$(told head at <"$work/ran") until=$(told tail at <"$work/ran")
# A clock may have stepped back meanwhile.
since=$(printf '%s\n' "$since" "$until" | sort | head -n 1)
seconds() { date -u -d "$1" +%s; }
[ "$(seconds "$since") $(seconds "$until")" = "$started $ended" ] ||
  fail "run $run was from $since to $until by its journal, and $0 says from second $started to second $ended"
case $last in
  *'"step":"sign-off"'*) phase=sign-off ;;
  *'"state":"finished"'*) result=finished ;;
  *'"state":"rolled_back"'*) result=rolled_back ;;
  *'"state":"failed"'* | *'"state":"undo_failed"'*) result=failed ;;
  *) result=paused ;;
esac
kind=deployment where=audit/deployment-history
case $phase in
  import) kind=configuration where=audit/config-changes ;;
  invite) kind=access where=audit/access-logs ;;
  cutover) kind=cutover ;;
  rollback | abort) kind=rollback ;;
esac
said() { sed -n "s/^ \"$2\": \(.*[^,]\),\{0,1\}\$/\1/p" "$folder/$1"; }
in_clear() { [ -f "$folder/$1" ] && ! grep -qxF -- "$1" "$work/personal"; }
report=reports/$phase.json approval=approval.json verdict=not_run by='' worse=fail
[ "$phase" != sign-off ] || report=sign-off.json approval=sign-off.json
form=" *(\"[a-z0-9_]+\": )?$value,?"
if in_clear "$report"; then
  of_form "$report" "$form"
  verdict=$(said "$report" verdict | tr -d '"')
  case $verdict in
    pass) worse='fail|unverifiable|warn' ;;
    warn | not_run) worse='fail|unverifiable' ;;
    unverifiable) ;;
    fail) worse=nothing ;;
    *) fail "$report does not say a verdict" ;;
  esac
  ! grep -Eq "^  +\"verdict\": \"($worse)\"" "$folder/$report" || fail "$report says $verdict, and a check of it says worse"
  # What did not come to its end is no proof: neither for the whole nor for the check that a step is by itself. What a proof found
  # is told as soon as it was found, whatever failed later.
  undone() {
    sed 's/.*"step":"\([^"]*\)","state":"\([a-z_]*\)".*/\1"\2/' | grep -v '^end"' | tac | sort -s -u -t '"' -k 1,1 |
      grep -Ev '"(done|skipped)$' || true
  }
  proof=$(grep -F "/reports/$run/$phase.json\"" "$work/ran" | tail -n 1)
  undone <"$work/ran" >"$work/undone"
  case $phase:$proof in
    verify:* | *:) unproven=$(head -n 1 "$work/undone") ;;
    *) unproven=$(printf '%s\n' "$proof" | undone) ;;
  esac
  case $verdict:$unproven in
    pass:?* | warn:?*) fail "$report says $verdict, and ${unproven%%\"*} is ${unproven#*\"} in the journal" ;;
  esac
  while IFS='"' read -r step state; do
    ! sed 's/^ *//' "$folder/$report" | grep -Fx -C 1 -- "\"id\": \"${step#*/}\"," | grep -Eq '^"verdict": "(pass|warn)"' ||
      fail "$report calls ${step#*/} right, and $step is $state in the journal"
  done <"$work/undone"
else
  # Who checks leaves a report of what was not right, and of everything once it has come to its end.
  case $phase in
    sign-off) fail "there is no $report in clear, which a sign-off leaves" ;;
    verify) ! grep -Evq '"state":"(started|done)"' "$work/ran" ;;
    *) ! grep -Fq "/reports/$run/$phase.json\"" "$work/ran" ;;
  esac || fail "run $run came to a verdict, and there is no $report in clear"
fi
if in_clear "$approval"; then
  of_form "$approval" "$form"
  by=$(said "$approval" by)
  [ -n "$by" ] || fail "$approval does not say who it was"
  # Who found something wrong, or did not try all of it, approves nothing.
  case $phase.$verdict in sign-off.pass) ;; sign-off.*) by='' ;; esac
fi
quoted() { printf '%s\n' "$1" | sed 's/["\\]/\\&/g; s/.*/"&"/'; }
{
  printf '{\n "schema": 1,\n "slug": "%s",\n "package": {\n  "number": %s,\n' "$slug" "$package"
  printf '  "sha256": "sha256:%s",\n  "plan": "sha256:%s"\n },\n' "$sha256" "$plan"
  printf ' "event": "%s",\n "phase": "%s",\n "run": %s,\n' "$kind" "$phase" "$run"
  [ -z "$result" ] || printf ' "result": "%s",\n' "$result"
  printf ' "started": "%s",\n "ended": "%s",\n "validation": "%s",\n' "$since" "$until" "$verdict"
  [ "$requested_by" = none ] || printf ' "requested_by": %s,\n' "$(quoted "$requested_by")"
  [ -z "$by" ] || printf ' "approved_by": %s,\n' "$by"
  printf ' "journal": {\n  "lines": %s,\n  "sha256": "%s"\n },\n "personal": [' "$(($(wc -l <"$mine")))" "$(tail -n 1 "$work/digests")"
  [ -z "$personal" ] || { echo && quoted "$personal" | sed 's/.*/  &,/; $s/,$//' && printf ' '; }
  printf ']\n}\n'
} >"$work/tells"
if ! cmp -s "$work/tells" "$folder/operation.json"; then
  diff "$work/tells" "$folder/operation.json" >"$work/differs" || true
  only() { sed -n "s/^$1 *//p" "$work/differs" | tr -d '\n' | sed 's/,\{0,1\}$//'; }
  tells=$(only '<') says=$(only '>')
  fail "operation.json says ${says:-less}; $0, journal, report and approval of run $run tell ${tells:-less}"
fi
[ -n "$by" ] || by='"none"'
[ "$event $place $validation $(quoted "$approved_by")" = "$kind $where $verdict $by" ] ||
  fail "$0 says $event, $validation, approved by $approved_by; operation.json does not"
none 'is evidence, which may name anybody, and operation.json does not list it in personal' \
  "$(grep -i '^evidence/' "$there" | grep -vxF -f "$work/personal" | head -n 1)"
found -vxF -e operation.json -e journal.jsonl "$there" >"$work/own"
[ -z "$personal" ] || none 'is called personal and is no file of the folder' \
  "$(grep -vxF -f "$work/own" "$work/personal" | head -n 1)"
none 'stands twice in personal' "$(sort "$work/personal" | uniq -d | head -n 1)"

# Whose key it is, and whether one may build on what is there.
printf '' | ssh-keygen -q -Y sign -n git -f "$key" >"$work/sig" || fail "the key cannot sign"
principal=$(ssh-keygen -Y find-principals -s "$work/sig" -f "$signers") || fail "the key is of nobody in $signers"
head=$(git rev-parse --verify --quiet main) || fail "$glass is no glass"
git verify-commit "$head" 2>/dev/null || fail "the last operation was signed by nobody in $signers"
git cat-file blob main:audit/glass.json | grep -q "\"slug\": *\"$slug\"" || fail "the glass is of another STUF than $slug"
[ "$(git rev-parse --is-shallow-repository)" = false ] ||
  fail "the clone has only the end of the history: git -C '$glass' fetch --unshallow"
git log --format='%(trailers:key=Event,valueonly,separator=) %(trailers:key=Package-SHA256,valueonly,separator=)' main |
  grep -qx "package $sha256" || fail "the glass does not have package $package; record that first"
theirs=$(git rev-parse --verify --quiet refs/remotes/origin/main) || theirs=$head
# A note beside a folder tells ./migrate that it is recorded. One of a commit that was thrown away, or will be, says so no more; one
# of a commit that only has to be pulled does.
forget() {
  for note in "${folder%/*}"/*.recorded; do
    was=$(cat -- "$note" 2>/dev/null) || continue
    git cat-file -e "$was^{commit}" 2>/dev/null || continue
    for kept in "$@"; do
      ! git merge-base --is-ancestor "$was" "$kept" || continue 2
    done
    rm -f -- "$note"
  done
}
forget main "$theirs"
if ! git merge-base --is-ancestor "$theirs" main; then
  ! git merge-base --is-ancestor main "$theirs" || fail "this clone lacks operations of its origin: git -C '$glass' pull --ff-only"
  forget "$theirs"
  fail "this clone and its origin went two ways. Look at both: git -C '$glass' log --oneline --left-right main...origin/main. Where \
somebody else recorded meanwhile (>), that stays: git -C '$glass' fetch && git -C '$glass' reset --hard origin/main, then record again \
what only this clone had (<), in the same order"
fi
# Those in clear, and those to be sealed; with their whole paths they are read by one git, however many they are.
found -vxF -f "$work/personal" "$there" >"$work/clear"
found -xF -f "$work/personal" "$there" >"$work/sealing"
while IFS= read -r path; do printf '%s\n' "$folder/$path"; done <"$work/clear" >"$work/files"
about=$(git hash-object -- "$folder/operation.json")
had=$(git ls-tree -r main audit | sed -n "s|^100644 blob $about	\(.*\)/operation[.]json\$|\1|p" | tail -n 1)
if [ -n "$had" ]; then
  git hash-object --no-filters --stdin-paths <"$work/files" | paste - "$work/clear" | sort >"$work/here"
  {
    git ls-tree -r -z "main:$had" && git ls-tree -r -z "main:infrastructure/deployment-logs/${had##*/}" 2>/dev/null |
      sed -z 's|	|	logs/|'
  } | tr '\0' '\n' | sed -n '/	personal[/]/d; s/^[0-9]* blob //p' | sort | cmp -s - "$work/here" &&
    (umask 077 && git rev-parse main >"$folder.recorded") && echo "was recorded before" && exit 0
fi

# Runs enter in their order: a journal goes on from the one that was recorded last, or contradicts it for ever. That of a state
# folder made anew is another, and tells of what came after, by a clock that may have been ahead as far as that of a record may.
since=0 left='' other=''
go_on="move $folder elsewhere, and the folders of the runs after it, put that journal in the place of \
packages/$package/journal.jsonl of the state folder, then run $phase again"
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
Where the state folder was put back from an older copy: $go_on"
  [ "$run" -gt "${since:-0}" ] ||
    fail "the runs of its journal up to $newer stand in this glass, the last as operation $operation, and each is recorded once; \
compare both: git -C '$glass' show main:${path%journal.jsonl}operation.json"
  break
done <"$work/past"
if [ -n "$other" ]; then
  begun=$(done_of '' | grep -Ev '"phase":"(preflight|status|export)"' | told head at)
  [ -z "$begun" ] || [ "$(seconds "$begun")" -ge "$(($(seconds "$until") - ahead))" ] ||
    fail "$mine is another journal than that of operation $other, and its first run began at $begun, before that one ended ($until); \
runs of a package follow each other. Compare it with: git -C '$glass' show main:$against. \
Where this machine's clock was behind, correct it, then: $go_on"
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
git cat-file blob main:personal/recipients >"$work/recipients"
sed "s|^|$place/$name/|; s|^$place/$name/logs/|infrastructure/deployment-logs/$name/|" "$work/clear" >"$work/places"
sealed=0
while IFS= read -r path; do
  sealed=$((sealed + 1))
  age -R "$work/recipients" -o "$work/$sealed.age" -- "$folder/$path" || fail "$path cannot be encrypted"
  printf '%s\n' "$work/$sealed.age" >>"$work/files"
  printf '%s/%s/personal/%04d.age\n' "$place" "$name" "$sealed" >>"$work/places"
done <"$work/sealing"
git hash-object -w --no-filters --stdin-paths <"$work/files" >"$work/blobs" || fail "a file of $folder cannot be read"
lines() { echo "$(($(wc -l <"$1")))"; }
[ "$(lines "$work/blobs") $(lines "$work/places")" = "$(lines "$there") $(lines "$there")" ] || fail "not every file of $folder was read"
sed 's/^/100644 /' "$work/blobs" | paste - "$work/places" | git update-index --add --index-info
[ -z "$(git diff-index --cached --name-only --diff-filter=a main)" ] || fail "a file of the glass stands where this operation would"
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
(umask 077 && echo "$commit" >"$folder.recorded")
echo "operation $number recorded: commit $commit"
[ "$sealed" = 0 ] || printf '  personal files encrypted to %s: those of the glass\n' "$(paste -s -d ' ' "$work/recipients")"
[ -z "$left" ] || printf '  without %s, which ran before it and has no folder here: %s\n' "${left#, }" \
  'of that this glass will have the lines of the journal, and no more'
