/** A language feature that Node 22 lacks: `AsyncDisposableStack`, as ECMAScript's explicit resource management has it. Imported for its effect. */

type Release = () => unknown

/** The part of it that is used here: `use`, `defer`, `move`; released in reverse, every one of them, whatever fails. */
class Stack implements AsyncDisposable {
  #releases: Release[] = []
  #disposed = false

  get disposed(): boolean {
    return this.#disposed
  }

  use<T extends AsyncDisposable | Disposable | null | undefined>(value: T): T {
    if (value === null || value === undefined) return value
    return this.adopt(value, (held) =>
      Symbol.asyncDispose in held ? held[Symbol.asyncDispose]() : held[Symbol.dispose](),
    )
  }

  adopt<T>(value: T, release: (value: T) => unknown): T {
    this.defer(() => release(value))
    return value
  }

  defer(release: Release): void {
    this.#open()
    this.#releases.push(release)
  }

  move(): Stack {
    this.#open()
    const moved = new Stack()
    moved.#releases = this.#releases
    this.#releases = []
    this.#disposed = true
    return moved
  }

  async disposeAsync(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    const errors: unknown[] = []
    for (const release of this.#releases.reverse()) {
      try {
        await release()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors.reduce(suppressing)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync()
  }

  #open(): void {
    if (this.#disposed) throw new ReferenceError('the stack is disposed of already')
  }
}

/** As the language's own `SuppressedError`. */
const suppressing = (suppressed: unknown, error: unknown): Error =>
  Object.assign(new Error('An error was suppressed during disposal'), { error, suppressed })

if (!('AsyncDisposableStack' in globalThis))
  Object.defineProperty(globalThis, 'AsyncDisposableStack', {
    value: Stack,
    writable: true,
    configurable: true,
  })
