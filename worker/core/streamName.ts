// Names that a stream can have in every dialect: those that Kinesis takes (AWS API reference, CreateStream).
// A stream with such a name is reached by all of them; others belong to the dialect that made them.

export const sharedName = /^[a-zA-Z0-9_.-]{1,128}$/;
