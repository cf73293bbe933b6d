import type { ProviderFailure } from '../provider.ts';

/** What words mean, whatever they cost. */
export type WordRule = Pick<ProviderFailure, 'kind' | 'retryable' | 'exhausted'>;

/**
 * Only `forbidden_content` is documented. The others are guesses at what a service says in English or Russian, so that an operator
 * hears of a bad key or an empty account at once; words that fit none of them are judged by what was asked.
 */
const RULES: readonly (readonly [words: RegExp, rule: WordRule])[] = [
  [/forbidden[_ ]?content|nsfw|запрещ[её]нн\S* (?:контент|содержани)/u, { kind: 'refused', retryable: false }],
  [
    /unauthori[sz]ed|(?:invalid|wrong|bad|unknown|missing|no)[_ ](?:api[_ ]?)?(?:key|token)|(?:key|token)[_ ](?:is[_ ])?(?:invalid|wrong|missing|not[_ ]found)|неверн\S* (?:api[- ]?)?(?:ключ|токен)|не авторизован/u,
    { kind: 'invalid_key', retryable: false },
  ],
  [/too[_ ]many|rate[_ ]?limit|busy|слишком (?:много|часто)|перегружен/u, { kind: 'throttled', retryable: true }],
  [
    /insufficient|not[_ ]enough|\bbalance\b|\bcredits?\b|limit|\bpayment\b|\bvip\b|недостаточно|баланс|средств|лимит|тариф|оплат/u,
    { kind: 'throttled', retryable: false, exhausted: true },
  ],
  [
    /url_error|size_error|no[_ ]?face|face[_ ]not|(?:invalid|wrong|bad)[_ ](?:param|url|image|file|format|request)|\b(?:required|missing)\b|лицо не|обязательн|параметр|не передан|не найдено лиц/u,
    { kind: 'bad_request', retryable: false },
  ],
];

/** What the service's words mean; undefined where nobody knows. */
export function judgeWords(words: readonly string[]): WordRule | undefined {
  const text = words.join('\n').toLowerCase();
  return RULES.find(([pattern]) => pattern.test(text))?.[1];
}
