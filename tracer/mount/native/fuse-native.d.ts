/** Types of the part of fuse-native (2.2.6, which ships without any) that `serve.ts` uses. Errors are negative errno values. */
declare module 'fuse-native' {
  /** `signal(errno or result, payload)` answers the kernel; called once. */
  type Signal = (result: number, ...payload: unknown[]) => void

  class Fuse {
    constructor(mountPoint: string, operations: Readonly<Record<string, unknown>>, options: Fuse.Options)
    mount(callback: (error: Error | null) => void): void
  }

  namespace Fuse {
    interface Options {
      readonly allowOther?: boolean
      readonly defaultPermissions?: boolean
      readonly kernelCache?: boolean
      readonly fsname?: string
      /** of libfuse, stacked on the operations */
      readonly modules?: string
      readonly entryTimeout?: number
      readonly attrTimeout?: number
      /** false: no timer per request */
      readonly timeout?: false | number
    }
  }

  export default Fuse
  export type { Signal }
}
