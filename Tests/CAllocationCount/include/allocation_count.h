// Counts the calling thread's heap allocations, by standing in for the allocator's functions in the whole process.

#include <stdint.h>

/// Starts counting the allocations of this thread from 0.
void allocation_count_begin(void);

/// Stops counting, and returns the number of allocations since the start.
int64_t allocation_count_end(void);
