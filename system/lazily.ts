/** A value that is costly and often not wanted: made once, when it is asked for. */
export function lazily<T>(make: () => T): () => T {
  let value: { made: T } | undefined
  return () => {
    value ??= { made: make() }
    return value.made
  }
}
