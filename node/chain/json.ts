/**
 * JSON whose decimals stay exact. bitcoind writes amounts as decimal BTC; a double would round them, so every number with
 * a fraction or an exponent is kept as the text it was, and becomes satoshis by moving the point.
 */

/** The text up to the closing quote of a JSON string that opens at `from`; the text's end when it never closes. */
const stringEnd = (text: string, from: number): number => {
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
};

const decimals = /-?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)/g;

/** As JSON.parse, but a number with a fraction or an exponent comes back as its own text. Throws SyntaxError. */
export const parseExact = (text: string): unknown => {
  let out = '';
  let at = 0;
  while (at < text.length) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    out += text.slice(at, end).replace(decimals, (number) => `"${number}"`);
    at = quote < 0 ? end : stringEnd(text, quote);
    out += text.slice(end, at);
  }
  return JSON.parse(out);
};

/**
 * Whole units of 10^-places in a decimal number, exactly: `scaled('0.00000253', 8)` is 253n. Throws RangeError when it is
 * no number or has more digits than that.
 */
export const scaled = (number: string | number, places: number): bigint => {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(String(number));
  if (match === null) throw new RangeError(`expected a decimal number, got ${JSON.stringify(number)}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const shift = places - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  const scale = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && digits % scale !== 0n) throw new RangeError(`${number} has more than ${places} decimal places`);
  const value = shift < 0 ? digits / scale : digits * scale;
  return sign === '-' ? -value : value;
};
