"""`cw completion bash|zsh|fish`: scripts by which those shells complete what `cw` is told. They ask `cw completion reply`.

The line goes by an environment variable, which only its owner can read: a password may be on it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cloudwright.cw.failure import Failure, Wrong

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

BASH = r"""_cw() {
    local line="${COMP_LINE:0:COMP_POINT}" word breaks prefix=""
    word="${line##* }"
    # readline replaces only what follows the last of its word breaks
    breaks="${COMP_WORDBREAKS//[^=:@]/}"
    [ -z "$breaks" ] || prefix="${word%"${word##*["$breaks"]}"}"
    local IFS=$'\n'
    COMPREPLY=($(CW_LINE="${line#* }" command cw completion reply 2>/dev/null | cut -f1))
    COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
    case "${COMPREPLY[0]}" in *=) compopt -o nospace ;; esac
}
complete -F _cw cw
"""
ZSH = r"""#compdef cw
_cw() {
    local -a texts shown
    local line text meaning
    for line in ${(f)"$(CW_LINE="${(j: :)words[2,CURRENT-1]} $PREFIX" command cw completion reply 2>/dev/null)"}; do
        text="${line%%$'\t'*}" meaning="${line#*$'\t'}"
        texts+=("$text") shown+=("${text}${meaning:+  $meaning}")
    done
    if [[ "${texts[1]}" == *= ]]; then
        compadd -U -l -S '' -d shown -a texts
    else
        compadd -U -l -d shown -a texts
    fi
}
if [[ "$funcstack[1]" == _cw ]]; then _cw "$@"; else compdef _cw cw; fi
"""
FISH = r"""function __cw_complete
    set -lx CW_LINE (string replace -r '^\s*\S+\s' '' -- (commandline -cp))
    command cw completion reply 2>/dev/null
end
complete -c cw -f -a '(__cw_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def page_of(name: str) -> str:
    """The help of `completion`."""
    return """cw completion bash|zsh|fish
    write the script by which a shell completes commands, parameters and values

    bash: echo 'source <(cw completion bash)' >> ~/.bashrc
    zsh:  echo 'source <(cw completion zsh)' >> ~/.zshrc, below compinit
    fish: cw completion fish > ~/.config/fish/completions/cw.fish"""


def run(doing: Invocation) -> None:
    """Write a script, or what completes the line in CW_LINE: a candidate a line, with its meaning after a tab."""
    asked = doing.words[0] if doing.words else ""
    if asked in SCRIPTS:
        doing.terminal.write(SCRIPTS[asked].rstrip("\n"))
    elif asked == "reply":
        reply(doing, os.environ.get("CW_LINE", ""))
    else:
        raise Wrong(f"cw completion takes one of {', '.join(SCRIPTS)}", fix=["cw help completion tells where it goes"])


def reply(doing: Invocation, line: str) -> None:
    """What completes a line. Nothing where the server cannot be asked: who presses a key wants no error."""
    from cloudwright.cw.complete import Completion
    from cloudwright.cw.main import all_words

    try:
        found = Completion(doing.session, all_words()).candidates(line)
    except Failure:
        return
    for candidate in found:
        meaning = candidate.meaning if candidate.shown in ("", candidate.text) else f"{candidate.shown} {candidate.meaning}"
        doing.terminal.write(f"{candidate.text}\t{' '.join(meaning.split())}")
