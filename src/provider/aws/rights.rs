//! What the credentials have to be allowed, for which part of the way.

use super::super::Right;
use super::Aws;
use crate::model::{BucketName, Target};

/// The rights, in the order in which they are needed.
pub(super) fn of(aws: &Aws, target: &Target, user: &str, bucket: &BucketName) -> Vec<Right> {
    let right = |what, actions: &[&'static str], at: String| Right { what, actions: actions.to_vec(), at };
    let provision = |actions: &[&'static str], at: String| right("./migrate provision", actions, at);
    let mut rights = vec![
        provision(&["ec2:*"], format!("region {}", aws.region)),
        provision(&["s3:*"], format!("bucket {bucket}, and what lies in it")),
        provision(&["iam:*"], "users, roles and instance profiles below /stuf/".to_owned()),
    ];
    if aws.database.is_some() {
        rights.push(provision(&["rds:*"], format!("region {}", aws.region)));
        let secret = ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "kms:DescribeKey"];
        rights
            .push(provision(&secret, "the secret that RDS makes, rds!db-*, and AWS's key for it".to_owned()));
        let linked = "the role of RDS itself, where the account has had no database yet".to_owned();
        rights.push(provision(&["iam:CreateServiceLinkedRole"], linked));
    }
    rights.extend(aws.dns_zone.as_ref().map(|zone| {
        let actions = [
            "route53:GetHostedZone",
            "route53:ListTagsForResource",
            "route53:ListResourceRecordSets",
            "route53:ChangeResourceRecordSets",
            "route53:GetChange",
        ];
        provision(&actions, format!("zone {}; the last one at every change", zone.as_str()))
    }));
    let looked_up = "every zone, of which Terraform takes that one".to_owned();
    rights.extend(aws.dns_zone.is_some().then(|| provision(&["route53:ListHostedZones"], looked_up)));
    rights.extend(aws.logs.then(|| provision(&["logs:*"], format!("region {}", aws.region))));
    let alarms = ["cloudwatch:*", "sns:*"];
    rights.extend(aws.alarm_email.is_some().then(|| provision(&alarms, format!("region {}", aws.region))));
    rights.extend(
        aws.budget_monthly_usd.is_some().then(|| provision(&["budgets:*"], "the account".to_owned())),
    );
    let keys = ["iam:CreateAccessKey", "iam:ListAccessKeys", "iam:DeleteAccessKey"];
    rights.push(right("the key of the storage, now and when it is renewed", &keys, format!("user {user}")));
    if aws.database.is_some() {
        let what = "the password of the database's administrator, before ./migrate deploy";
        let place = || "that secret; provision names it".to_owned();
        rights.push(right(what, &["secretsmanager:GetSecretValue"], place()));
        let leaked = "to have RDS change it when it has leaked";
        rights.push(right(leaked, &["secretsmanager:RotateSecret"], place()));
    }
    if super::site::is_reached_by_sessions(aws, target) {
        let later = "every later phase, and each ssh of the plan";
        rights.push(right(
            later,
            &["ssm:StartSession"],
            "the machine, and the document AWS-StartSSHSession; to read host keys by hand, SSM-SessionManagerRunShell too".to_owned(),
        ));
        let own = ["ssmmessages:OpenDataChannel", "ssm:TerminateSession"];
        rights.push(right(later, &own, "sessions of one's own".to_owned()));
        let looks = ["ssm:DescribeInstanceInformation"];
        rights.push(right("to see why no session begins", &looks, "any".to_owned()));
    } else if aws.session_manager {
        let place = "the machine, and the document SSM-SessionManagerRunShell".to_owned();
        rights.push(right("to read host keys by hand", &["ssm:StartSession"], place));
    }
    rights
}
