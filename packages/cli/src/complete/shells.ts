export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

// All three scripts call `holdfast`, because only `holdfast` knows its options and reads the names of queues.
const SCRIPTS: Record<Shell, string> = {
  bash: `# bash completion of holdfast: source <(holdfast completion bash)
_holdfast() {
  local IFS=$'\\n'
  COMPREPLY=($(holdfast __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _holdfast holdfast
`,
  zsh: `#compdef holdfast
# zsh completion of holdfast: source <(holdfast completion zsh), or as the file _holdfast in $fpath
_holdfast() {
  local -a candidates
  local line
  while IFS= read -r line; do
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(holdfast __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe holdfast candidates; else _files; fi
}
if [ "\${funcstack[1]}" = _holdfast ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi
`,
  fish: `# fish completion of holdfast: holdfast completion fish | source
complete -c holdfast -f -a '(holdfast __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
complete -c holdfast -l ndjson -r -F
complete -c holdfast -l rejects -r -F
`,
};

export const completionScript = (shell: Shell): string => SCRIPTS[shell];
