/** What may be a password, in text that somebody typed or that an error repeats. */

/** A word without what stands in it between the scheme of a URL and its host. */
const wordWithoutLogin = (word: string): string => {
  const scheme = /:\/{1,2}/.exec(word);
  const host = word.lastIndexOf('@');
  if (scheme === null || host < scheme.index) return word;
  return `${word.slice(0, scheme.index)}${scheme[0]}[hidden]${word.slice(host)}`;
};

/** Text without the logins of URLs; also of those that were taken for a path, which have one / left. Each letter is looked at once. */
export const redactLogins = (text: string): string =>
  text.includes('@') && text.includes(':/') ? text.split(/(\s+)/).map(wordWithoutLogin).join('') : text;

/**
 * What is said of a mistyped option, without what was given for it: whoever writes `--bitcoind` wrong has written the password
 * right.
 */
export const redactOptionValues = (text: string): string =>
  redactLogins(text.replace(/(unknown option '-{1,2}[^='\s]*)=.*/g, "$1'"));
