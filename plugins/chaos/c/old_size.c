/* A table that ends after the versions: a loader must not read functions behind its end. */
#include <stddef.h>

#include "squeezed_plugin.h"

static SqzPlugin table;

const SqzPlugin *squeezed_plugin_entry(void) {
    table.magic = SQZ_MAGIC;
    table.struct_size = offsetof(SqzPlugin, describe);
    table.abi_major = SQZ_ABI_MAJOR;
    table.abi_minor = SQZ_ABI_MINOR;
    return &table;
}
