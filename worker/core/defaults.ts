// What a request means that does not say: the account and region of its streams.

export const defaultAccount = "000000000000";
export const defaultRegion = "us-east-1";
