/** A value that is expensive and often not needed: made once, on first use. */
export function lazily<T>(make: () => T): () => T {
  let value: { made: T } | undefined
  return () => {
    value ??= { made: make() }
    return value.made
  }
}
