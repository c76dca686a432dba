/** What may be a password, in text that somebody typed or that an error repeats. */

/** The text without what stands before the host of a URL, where logins do. */
export const withoutLogins = (text: string): string => text.replace(/:\/\/\S*@/g, '://[hidden]@');

/**
 * What is said of a mistyped option, without what was given for it: whoever writes `--bitcoind` wrong has written the password
 * right.
 */
export const withoutValues = (text: string): string =>
  withoutLogins(text.replace(/(unknown option '-{1,2}[^='\s]*)=.*/g, "$1'"));
