# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for fish: the program itself says what may stand next.
function __virtpinctl_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        if string match -q ':files*' -- $line
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c virtpinctl -f -a '(__virtpinctl_complete)'
