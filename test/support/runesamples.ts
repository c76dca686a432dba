/** Results of the methods about runes. */
const rune = 'OSqc7ixY6F-gjcigBfxtzKUI54uzgFSA6YfBQoWGDV89MA==';

export const runeSamples = {
  createrune: { rune, unique_id: '0' },
  checkrune: { valid: true as const },
  showrunes: {
    runes: [
      {
        ...{ rune, unique_id: '0', last_used: 1_700_000_000.5, blacklisted: true as const },
        restrictions: [
          {
            alternatives: [{ fieldname: 'method', value: 'pay', condition: '=', english: 'method equal to pay' }],
            english: 'method equal to pay',
          },
        ],
        restrictions_as_english: 'method equal to pay',
      },
    ],
  },
  blacklistrune: { blacklist: [{ start: 3, end: 5 }] },
  destroyrune: { blacklist: [] },
};
