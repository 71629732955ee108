// The compression function of SHA-256 (FIPS 180-4 §6.2.2) over whole blocks of 64 bytes. With the processor's SHA
// instructions where it has them (1.6 GB/s instead of 0.3): stored activations are gigabytes, and are hashed when
// written and when opened. Both forms give the same result. [any thread]
#pragma once

#include <cstddef>
#include <cstdint>

namespace heddle {

void sha256_compress(uint32_t* state, const unsigned char* blocks, size_t count);
// The form without special instructions, for tests.
void sha256_compress_portable(uint32_t* state, const unsigned char* blocks, size_t count);

}  // namespace heddle
