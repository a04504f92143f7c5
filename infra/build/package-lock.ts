interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const PLATFORM =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(gnu|musl|eabi|gnueabihf|musleabihf|msvc))?$/;

/**
 * Adds optional packages for other platforms to a package-lock.json, because npm sometimes writes only the optional
 * packages for its own platform.
 */
export function completeLock(lock: Lock): { lock: Lock; added: string[] } {
  const packages: Record<string, LockedPackage> = { ...lock.packages };
  const added: string[] = [];
  for (const { dev, optionalDependencies = {} } of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const path = `node_modules/${name}`;
      const isThere = Object.keys(packages).some((known) => known === path || known.endsWith(`/${path}`));
      const [, os, cpu, libc] = PLATFORM.exec(name) ?? [];
      if (isThere || !os || !cpu) continue;
      packages[path] = {
        version,
        cpu: [cpu],
        ...(dev && { dev }),
        ...(os === 'linux' && /^(gnu|musl)$/.test(libc ?? '') && { libc: [libc === 'gnu' ? 'glibc' : 'musl'] }),
        optional: true,
        os: [os],
      };
      added.push(name);
    }
  }
  const sorted = Object.entries(packages).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { lock: { ...lock, packages: Object.fromEntries(sorted) }, added };
}
