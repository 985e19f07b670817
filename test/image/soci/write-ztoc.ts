/** zTOCs for tests, written as FlatBuffers by hand: what SOCI's own tool makes is judged in test/peers. */

/** A field of a table: its number, and its value inline or where it leads to. */
type Field = readonly [number, Inline | Uint8Array]
interface Inline {
  readonly int: bigint
  readonly bytes: 1 | 4 | 8
}
const long = (value: number): Inline => ({ int: BigInt(value), bytes: 8 })

/** Pieces behind each other, each of which knows its place before it is written. */
function table(fields: readonly Field[]): Buffer {
  const count = Math.max(...fields.map(([number]) => number)) + 1
  const vtable = Buffer.alloc(4 + 2 * count)
  const inline = Buffer.alloc(4 + 8 * count)
  vtable.writeUInt16LE(vtable.length, 0)
  vtable.writeUInt16LE(inline.length, 2)
  const behind: Buffer[] = []
  let end = inline.length
  for (const [number, value] of fields) {
    const at = 4 + 8 * number
    vtable.writeUInt16LE(at, 4 + 2 * number)
    if (value instanceof Uint8Array) {
      // What is led to says first how far into it it begins.
      const target = Buffer.from(value)
      inline.writeUInt32LE(end - at + target.readUInt32LE(0), at)
      behind.push(target.subarray(4))
      end += target.length - 4
    } else {
      if (value.bytes === 8) inline.writeBigInt64LE(value.int, at)
      else if (value.bytes === 4) inline.writeInt32LE(Number(value.int), at)
      else inline.writeUInt8(Number(value.int), at)
    }
  }
  inline.writeInt32LE(vtable.length, 0)
  const start = Buffer.alloc(4)
  start.writeUInt32LE(vtable.length)
  return Buffer.concat([start, vtable, inline, ...behind])
}

const bytes = (content: Uint8Array): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(content.length, 4)
  return Buffer.concat([head, content])
}

function tables(all: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(8 + 4 * all.length)
  head.writeUInt32LE(all.length, 4)
  let end = head.length
  all.forEach((each, index) => {
    const at = 8 + 4 * index
    head.writeUInt32LE(end - at + each.readUInt32LE(0), at)
    end += each.length - 4
  })
  return Buffer.concat([head, ...all.map((each) => each.subarray(4))])
}

export interface ZtocParts {
  readonly files: readonly { path: string; offset: number; size: number }[]
  readonly compressedSize: number
  /** offsets in the tar and in the layer, and whether bits of the byte before belong to it */
  readonly checkpoints?: readonly { offset: number; first: number; hasBits?: boolean }[]
  /** of a layer that isn't compressed */
  readonly spanSize?: number
  readonly maxSpan: number
  /** without the first checkpoint, as the format's first version */
  readonly isFirstVersion?: boolean
  readonly algorithm?: number
}

function checkpointBytes({ checkpoints = [], isFirstVersion = false }: ZtocParts): Buffer {
  const head = Buffer.alloc(12)
  head.writeInt32LE(checkpoints.length)
  const points = checkpoints.slice(isFirstVersion ? 1 : 0).map(({ offset, first, hasBits = false }) => {
    const point = Buffer.alloc(8 + 8 + 1 + 32_768)
    point.writeBigInt64LE(BigInt(first), 0)
    point.writeBigInt64LE(BigInt(offset), 8)
    point.writeUInt8(hasBits ? 3 : 0, 16)
    return point
  })
  return Buffer.concat([head, ...points])
}

/** Without the word in front, which every other piece has for who leads to it: a buffer begins with where its table is. */
const asRoot = (piece: Buffer): Buffer => {
  const root = Buffer.from(piece)
  root.writeUInt32LE(piece.readUInt32LE(0) + 4)
  return root
}

export function writeZtoc(parts: ZtocParts): Buffer {
  const { files, compressedSize, spanSize, maxSpan, algorithm } = parts
  const entries = files.map(({ path, offset, size }) =>
    table([
      [0, bytes(Buffer.from(path))],
      [2, long(offset)],
      [3, long(size)],
    ]),
  )
  const tar = () =>
    asRoot(
      table([
        [1, long(spanSize ?? 0)],
        [2, long(compressedSize)],
      ]),
    )
  const used = algorithm ?? (spanSize === undefined ? undefined : 2)
  const compression = table([
    ...(used === undefined ? [] : [[0, { int: BigInt(used), bytes: 1 }] satisfies Field]),
    [1, { int: BigInt(maxSpan), bytes: 4 }],
    [3, bytes(spanSize === undefined ? checkpointBytes(parts) : tar())],
  ])
  return asRoot(
    table([
      [2, long(compressedSize)],
      [3, long(compressedSize * 2)],
      [4, table([[0, tables(entries)]])],
      [5, compression],
    ]),
  )
}
