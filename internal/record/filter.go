package record

// FilteredPackets is, among the counters of a Reaction, what packet filters took.
const FilteredPackets = "NftablesPackets"
