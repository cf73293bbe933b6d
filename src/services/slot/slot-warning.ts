/** Something that may keep a slot from doing what is meant, and that is no reason to refuse it. */
export interface SlotWarning {
  readonly code:
    | 'public_address_private'
    | 'public_address_silent'
    | 'no_fallback'
    | 'fallback_repeats'
    | 'fallback_unreachable'
    | 'fallback_without_key'
    | 'budget_without_price'
    | 'budget_without_fallback'
    | 'budget_warned'
    | 'budget_used_up';
  /** For people, with what to do. */
  readonly message: string;
}
