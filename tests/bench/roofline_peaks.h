// Loops that run at a peak of the processor, one thread each. They return the work done; the caller takes the time.
#pragma once

#include <cstddef>

namespace heddle::peak {

// Multiply-adds in registers, enough independent chains to hide their latency. Return FLOP.
double f32(long rounds);
double bf16(long rounds);  // AMX, AVX512_BF16 or, without either, f32
// Reads [data, data + bytes) once. bytes: a multiple of 4096.
void read(const char* data, size_t bytes);

}  // namespace heddle::peak
