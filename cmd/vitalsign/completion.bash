
# Where bash-completion is not installed the words are put together here: bash
# splits a line at = and :, and vitalsign is to see --format=json as one word.
__vitalsign_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local i joins=0 at=0
    words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        if ((i > 0)) && { ((joins)) || [[ ${COMP_WORDS[i]} == [=:] ]]; }; then
            words[at]+=${COMP_WORDS[i]}
        else
            at=${#words[@]}
            words[at]=${COMP_WORDS[i]}
        fi
        joins=0
        if [[ ${COMP_WORDS[i]} == [=:] ]]; then
            joins=1
        fi
        if ((i == COMP_CWORD)); then
            cword=$at
        fi
    done
    cur=${words[cword]} prev=
    if ((cword > 0)); then
        prev=${words[cword - 1]}
    fi
}
