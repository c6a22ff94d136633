# Reads uncovered.txt and a file in the format of lcov. Prints the coverage of each file, and each line
# that is neither covered nor in the list. Tests do not count, in files of their own or at the end of a file.
BEGIN { root = ENVIRON["PWD"] "/"; folder = "crates/core/src/" }
FNR == NR { if (/^[^#]/) reasons[$0] = 1; next }
/^SF:/ {
  path = substr($0, 4)
  sub(root, "", path)
  name = path
  sub(folder, "", name)
  skip = name ~ /tests/
  if (name ": *" in reasons) { used[name ": *"] = skip = 1 }
  delete text
  tests = 0
  for (n = 1; !skip && (getline line < path) > 0; n++) {
    gsub(/^ +| +$/, "", line)
    text[n] = line
    if (line == "mod tests {") tests = n
  }
  next
}
/^DA:/ && !skip {
  split(substr($0, 4), pair, ",")
  if (tests && pair[1] > tests) next
  all[name]++
  if (pair[2] > 0) { covered[name]++; next }
  key = name ": " text[pair[1]]
  if (key in reasons) { used[key] = 1; next }
  new[++news] = key " (line " pair[1] ")"
}
END {
  for (name in all) { a += all[name]; c += covered[name] }
  for (name in all) if (covered[name] < all[name])
    printf "%5.1f %% of %4d lines  %s\n", 100 * covered[name] / all[name], all[name], name | "sort -n"
  close("sort -n")
  printf "%5.1f %% of %4d lines  in all\n", 100 * c / a, a
  for (key in reasons) if (!(key in used)) print "in uncovered.txt, but covered: " key
  for (i = 1; i <= news; i++) print "not covered: " new[i]
  exit news > 0
}
