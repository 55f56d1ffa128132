#!/usr/bin/env -S zsh -f
# Types a line and a tab into an interactive zsh, and prints the line as it stands then. zsh completes on a terminal only, so one is
# made for it.
# usage: completed.zsh FOLDER LINE, with the completions in FOLDER
zmodload zsh/zpty
begin=$(mktemp)
trap 'rm -f $begin' EXIT
cat >$begin <<TEXT
PS1=
unsetopt zle_bracketed_paste
fpath=(${(q)1} \$fpath)
autoload -U compinit
compinit -D -u
show() { print -r -- "<<\$BUFFER>>"; BUFFER= }
zle -N show
bindkey '^G' show
print READ''Y
TEXT
zpty shell zsh -f -i
zpty -w shell "source $begin"
zpty -r -m shell out '*READY*'
zpty -w -n shell "$2"$'\t\a'
zpty -r -m shell out '*<<*>>*'
print -r -- ${${out##*<<}%%>>*}
zpty -d shell
