//! `producer completions`: clap's script, and behind it what it cannot know: the batches there are, asked of Redis when somebody
//! presses the tab key.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Adds batches to what clap's function offers for the argument of these commands.
const BASH: &str = r#"
_producer_with_batches() {
    _producer "$@"
    case ${COMP_WORDS[1]} in
        watch|results|export|failures|retry|cancel)
            if [[ ${COMP_WORDS[COMP_CWORD]} != -* && ${COMP_WORDS[COMP_CWORD-1]} != -* ]]; then
                COMPREPLY+=($(compgen -W "last $(producer batches --ids 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            fi
            ;;
    esac
}
complete -F _producer_with_batches -o bashdefault -o default producer
"#;

const FISH: &str = r#"
complete -c producer -n "__fish_seen_subcommand_from watch results export failures retry cancel" -f -a "last (producer batches --ids 2>/dev/null)"
"#;

/// What clap's script of zsh says of the argument of these commands, and what is to stand there.
const ZSH: (&str, &str) = (":_default'", ":_producer_batches'");

const ZSH_FUNCTION: &str = r#"
_producer_batches() {
    local -a batches
    batches=(last ${(f)"$(producer batches --ids 2>/dev/null)"})
    compadd -V batches -a batches
}
"#;

pub(crate) fn print(shell: Shell, out: &mut impl Write) -> io::Result<()> {
    let mut script = Vec::new();
    shared::manual::completions(Cli::command(), shell, &mut script)?;
    match shell {
        Shell::Bash => script.extend_from_slice(BASH.as_bytes()),
        Shell::Fish => script.extend_from_slice(FISH.as_bytes()),
        Shell::Zsh => script = zsh(&String::from_utf8_lossy(&script)).into_bytes(),
        _ => {}
    }
    out.write_all(&script)
}

fn zsh(script: &str) -> String {
    let line = |line: &str| match line.contains(" -- A batch\\: ") {
        true => line.replace(ZSH.0, ZSH.1),
        false => line.to_owned(),
    };
    let mut lines: Vec<String> = script.lines().map(line).collect();
    // Behind the line that tells zsh whose completions these are.
    lines.insert(1, ZSH_FUNCTION.to_owned());
    lines.join("\n") + "\n"
}
