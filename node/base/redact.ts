/** Removes possible passwords from text that an operator typed or that an error repeats. */

/** What stands for a login in our own texts. */
const placeholders: readonly string[] = ['USER', 'USER:PASSWORD'];

/** A word without the login between the scheme and the host of a URL. */
const wordWithoutLogin = (word: string): string => {
  const scheme = /:\/{1,2}/.exec(word);
  const host = word.lastIndexOf('@');
  if (scheme === null || host < scheme.index) return word;
  if (placeholders.includes(word.slice(scheme.index + scheme[0].length, host))) return word;
  return `${word.slice(0, scheme.index)}${scheme[0]}[hidden]${word.slice(host)}`;
};

/** Text without the logins of URLs, also of those treated as a path, which have one / left. Linear in the length. */
export const redactLogins = (text: string): string =>
  text.includes('@') && text.includes(':/') ? text.split(/(\s+)/).map(wordWithoutLogin).join('') : text;

/**
 * An error about an unknown option without its value: a misspelt `--bitcoind` is followed by the password.
 */
export const redactOptionValues = (text: string): string =>
  redactLogins(text.replace(/(unknown option '-{1,2}[^='\s]*)=.*/g, "$1'"));
